//! `jetway volumes`: registered directories that outlive sandboxes and that several may see.

use anyhow::Result;
use clap::{Args, Subcommand};
use jetway::{
    Client,
    catalog::{Volume, VolumeChanges, VolumeSpec},
};
use serde_json::{Value, json};

use crate::{
    exit,
    listing::{self, Listed, PrintAll, PrintMade, PrintOne},
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
        #[command(flatten)]
        print: PrintMade,
    },
    /// List them
    #[command(visible_alias = "list")]
    Ls {
        #[command(flatten)]
        print: PrintAll,
    },
    /// Show everything about one
    Get {
        /// Volume
        #[arg(value_name = "VOLUME")]
        id: String,
        #[command(flatten)]
        print: PrintOne,
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
        #[command(flatten)]
        print: PrintOne,
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
        Action::Create { claim, sub_path, read_only, description, runner, print } => {
            let mut spec = VolumeSpec::claim(claim).read_only(read_only);
            (spec.sub_path, spec.description, spec.runner_id) = (sub_path, description, runner);
            let made = Volume::create(&client, spec).await?;
            print.print(&made)?;
        }
        Action::Ls { print } => {
            let found = Volume::list(&client).await?;
            print.print(&found)?;
        }
        Action::Get { id, print } => print.print(&Volume::get(&client, &id).await?)?,
        Action::Update { id, read_only, description } => {
            let mut changes = VolumeChanges::default();
            (changes.read_only, changes.description) = (read_only, description);
            listing::one(&Volume::update(&client, &id, changes).await?, Format::Table)?;
        }
        Action::Validate { id, print } => print.print(&Volume::validate(&client, &id).await?)?,
        Action::Delete { ids, force, missing_ok, quiet } => {
            return exit::each(&ids, quiet, async |id| Volume::delete(&client, id, missing_ok, force).await).await;
        }
    }
    Ok(0)
}

fn mode(it: &Volume) -> &'static str {
    if it.read_only { "ro" } else { "rw" }
}

impl Listed for Volume {
    const COLUMNS: &'static [&'static str] = &["ID", "STATUS", "CLAIM", "MODE", "USED BY", "AGE"];

    fn name(&self) -> &str {
        &self.id
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.status.name().to_owned(),
            self.claim.clone(),
            mode(self).to_owned(),
            self.attached_sandboxes.to_string(),
            show::age(self.created_at),
        ]
    }

    fn details(&self) -> String {
        show::lines(&[
            ("Id", Some(self.id.clone())),
            ("Status", Some(self.status.name().to_owned())),
            ("Reason", self.status_reason.clone()),
            ("Claim", Some(self.claim.clone())),
            ("Part", self.sub_path.clone()),
            ("Mode", Some(mode(self).to_owned())),
            ("Description", self.description.clone()),
            ("Runner", self.runner_id.clone()),
            ("Used by", Some(format!("{} sandboxes", self.attached_sandboxes))),
            ("Created", self.created_at.map(show::moment)),
            ("Updated", self.updated_at.map(show::moment)),
        ])
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "status": self.status.name(),
            "statusReason": self.status_reason,
            "claim": self.claim,
            "namespace": self.namespace,
            "subPath": self.sub_path,
            "readOnly": self.read_only,
            "description": self.description,
            "runnerId": self.runner_id,
            "attachedSandboxes": self.attached_sandboxes,
            "createdAt": self.created_at.map(show::moment),
            "updatedAt": self.updated_at.map(show::moment),
        })
    }
}
