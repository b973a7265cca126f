//! `jetway volumes`: registered directories that outlive sandboxes and that several may see.

use anyhow::Result;
use clap::{Args, Subcommand};
use jetway::{
    Client,
    catalog::{Volume, VolumeChanges, VolumeSpec},
};
use serde_json::{Value, json};

use crate::{
    exit, output,
    show::{self, Format},
};

/// Register directories that outlive sandboxes.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  VOLUME=$(jetway volumes create -q data)      a directory that the server keeps; several sandboxes may see it
  jetway run --volume $VOLUME:/data -- touch /data/file
  jetway run --volume $VOLUME:/data:ro -- ls /data
  jetway volumes ls
  jetway volumes delete $VOLUME                forgets it; what is in it stays")]
pub struct Volumes {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Register one
    Create {
        /// The claim behind it; on one machine the name of a directory, made when it is missing
        #[arg(value_name = "CLAIM")]
        claim: String,
        /// The part of it that is meant
        #[arg(long, value_name = "PATH")]
        sub_path: Option<String>,
        /// Nothing can be changed in it, however it is mounted
        #[arg(long)]
        read_only: bool,
        /// Words for people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Runner that has it
        #[arg(long, value_name = "RUNNER")]
        runner: Option<String>,
        /// Print its id only
        #[arg(short, long)]
        quiet: bool,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
        output: Format,
    },
    /// List them
    #[command(visible_alias = "list")]
    Ls {
        /// Print ids only
        #[arg(short, long)]
        quiet: bool,
        /// How to print them
        #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
        output: Format,
    },
    /// Show everything about one
    Get {
        /// Volume
        #[arg(value_name = "VOLUME")]
        id: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Change one; sandboxes that use it go on as they began
    Update {
        /// Volume
        #[arg(value_name = "VOLUME")]
        id: String,
        /// Whether nothing can be changed in it
        #[arg(long, value_name = "true|false")]
        read_only: Option<bool>,
        /// Words for people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Check again whether it can be mounted
    Validate {
        /// Volume
        #[arg(value_name = "VOLUME")]
        id: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Forget some; what is in them stays
    #[command(visible_alias = "rm")]
    Delete {
        /// Volumes
        #[arg(value_name = "VOLUME", required = true)]
        ids: Vec<String>,
        /// Also while sandboxes use them
        #[arg(long)]
        force: bool,
        /// Volumes that do not exist are fine
        #[arg(long)]
        missing_ok: bool,
        /// Do not print the ids of those that were forgotten
        #[arg(short, long)]
        quiet: bool,
    },
}

/// Does it.
pub async fn run(Volumes { action }: Volumes, client: Client) -> Result<u8> {
    match action {
        Action::Create { claim, sub_path, read_only, description, runner, quiet, output } => {
            let mut spec = VolumeSpec::claim(claim).read_only(read_only);
            (spec.sub_path, spec.description, spec.runner_id) = (sub_path, description, runner);
            let made = Volume::create(&client, spec).await?;
            match quiet {
                true => output::print(&format!("{}\n", made.id))?,
                false => one(&made, output)?,
            }
        }
        Action::Ls { quiet, output } => {
            let found = Volume::list(&client).await?;
            if quiet {
                output::print(&found.iter().map(|it| format!("{}\n", it.id)).collect::<String>())?;
            } else {
                let table = || show::table(&COLUMNS, &found.iter().map(row).collect::<Vec<_>>());
                show::print(output, || Value::Array(found.iter().map(json).collect()), table)?;
            }
        }
        Action::Get { id, output } => one(&Volume::get(&client, &id).await?, output)?,
        Action::Update { id, read_only, description } => {
            let mut changes = VolumeChanges::default();
            (changes.read_only, changes.description) = (read_only, description);
            one(&Volume::update(&client, &id, changes).await?, Format::Table)?;
        }
        Action::Validate { id, output } => one(&Volume::validate(&client, &id).await?, output)?,
        Action::Delete { ids, force, missing_ok, quiet } => {
            return exit::each(&ids, quiet, async |id| Volume::delete(&client, id, missing_ok, force).await).await;
        }
    }
    Ok(0)
}

fn one(volume: &Volume, format: Format) -> Result<()> {
    show::print(format, || json(volume), || details(volume))
}

const COLUMNS: [&str; 6] = ["ID", "STATUS", "CLAIM", "MODE", "USED BY", "AGE"];

fn mode(it: &Volume) -> &'static str {
    if it.read_only { "ro" } else { "rw" }
}

fn row(it: &Volume) -> Vec<String> {
    vec![
        it.id.clone(),
        it.status.name().to_owned(),
        it.claim.clone(),
        mode(it).to_owned(),
        it.attached_sandboxes.to_string(),
        show::age(it.created_at),
    ]
}

fn details(it: &Volume) -> String {
    show::lines(&[
        ("Id", Some(it.id.clone())),
        ("Status", Some(it.status.name().to_owned())),
        ("Reason", it.status_reason.clone()),
        ("Claim", Some(it.claim.clone())),
        ("Part", it.sub_path.clone()),
        ("Mode", Some(mode(it).to_owned())),
        ("Description", it.description.clone()),
        ("Runner", it.runner_id.clone()),
        ("Used by", Some(format!("{} sandboxes", it.attached_sandboxes))),
        ("Created", it.created_at.map(show::moment)),
        ("Updated", it.updated_at.map(show::moment)),
    ])
}

fn json(it: &Volume) -> Value {
    json!({
        "id": it.id,
        "status": it.status.name(),
        "statusReason": it.status_reason,
        "claim": it.claim,
        "namespace": it.namespace,
        "subPath": it.sub_path,
        "readOnly": it.read_only,
        "description": it.description,
        "runnerId": it.runner_id,
        "attachedSandboxes": it.attached_sandboxes,
        "createdAt": it.created_at.map(show::moment),
        "updatedAt": it.updated_at.map(show::moment),
    })
}
