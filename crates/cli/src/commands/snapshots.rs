//! `jetway snapshots`: what scratch volumes held, kept until somebody deletes it.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use indicatif::HumanBytes;
use jetway::{
    Client, Sandbox,
    sandbox::{Snapshot, SnapshotOptions},
};
use serde_json::{Value, json};

use crate::{
    candidates, duration, exit, output,
    show::{self, Format},
};

/// Keep what a sandbox's scratch volume holds, and begin other sandboxes with it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  ID=$(jetway run -d --volume /work)
  jetway exec $ID -- sh -c 'date > /work/when'
  SNAPSHOT=$(jetway snapshots create -q $ID)
  jetway run --snapshot $SNAPSHOT:/work -- cat /work/when
  jetway snapshots ls --sandbox $ID
  jetway snapshots delete $SNAPSHOT")]
pub struct Snapshots {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Take one of a sandbox's scratch volume, and wait until it is whole
    Create {
        /// Sandbox
        #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
        id: String,
        /// Which scratch volume, by name [default: the only one]
        #[arg(long, value_name = "NAME")]
        volume: Option<String>,
        /// How long it may take, e.g. 10m
        #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
        timeout: Duration,
        /// Print its id only
        #[arg(short, long)]
        quiet: bool,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
        output: Format,
    },
    /// List them, the oldest first
    #[command(visible_alias = "list")]
    Ls {
        /// Only those of this sandbox
        #[arg(long, value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
        sandbox: Option<String>,
        /// Print ids only
        #[arg(short, long)]
        quiet: bool,
        /// How to print them
        #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
        output: Format,
    },
    /// Show everything about one
    Get {
        /// Snapshot
        #[arg(value_name = "SNAPSHOT")]
        id: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Delete some; sandboxes that began with them keep what they have
    #[command(visible_alias = "rm")]
    Delete {
        /// Snapshots
        #[arg(value_name = "SNAPSHOT", required = true)]
        ids: Vec<String>,
        /// Snapshots that do not exist are fine
        #[arg(long)]
        missing_ok: bool,
        /// Do not print the ids of those that were deleted
        #[arg(short, long)]
        quiet: bool,
    },
}

/// Does it.
pub async fn run(Snapshots { action }: Snapshots, client: Client) -> Result<u8> {
    match action {
        Action::Create { id, volume, timeout, quiet, output } => {
            let mut options = SnapshotOptions::default().timeout(timeout);
            options.volume = volume;
            let taken = Sandbox::from_id(&client, &id).await?.snapshot(options).await?;
            one(&taken, quiet, output)?;
        }
        Action::Ls { sandbox, quiet, output } => {
            let found = Snapshot::list(&client, sandbox.as_deref()).await?;
            if quiet {
                output::print(&found.iter().map(|it| format!("{}\n", it.id)).collect::<String>())?;
            } else {
                let table = || show::table(&COLUMNS, &found.iter().map(row).collect::<Vec<_>>());
                show::print(output, || Value::Array(found.iter().map(json).collect()), table)?;
            }
        }
        Action::Get { id, output } => one(&Snapshot::get(&client, &id).await?, false, output)?,
        Action::Delete { ids, missing_ok, quiet } => {
            return exit::each(&ids, quiet, async |id| Snapshot::delete(&client, id, missing_ok).await).await;
        }
    }
    Ok(0)
}

fn one(snapshot: &Snapshot, quiet: bool, format: Format) -> Result<()> {
    match quiet {
        true => output::print(&format!("{}\n", snapshot.id)),
        false => show::print(format, || json(snapshot), || details(snapshot)),
    }
}

const COLUMNS: [&str; 6] = ["ID", "STATUS", "SIZE", "SANDBOX", "VOLUME", "AGE"];

fn row(it: &Snapshot) -> Vec<String> {
    vec![
        it.id.clone(),
        it.status.name().to_owned(),
        HumanBytes(it.size_bytes).to_string(),
        it.source_sandbox_id.clone(),
        it.source_volume.clone(),
        show::age(it.created_at),
    ]
}

fn details(it: &Snapshot) -> String {
    show::lines(&[
        ("Id", Some(it.id.clone())),
        ("Status", Some(it.status.name().to_owned())),
        ("Reason", it.status_reason.clone()),
        ("Size", Some(HumanBytes(it.size_bytes).to_string())),
        ("Sandbox", Some(it.source_sandbox_id.clone())),
        ("Volume", Some(it.source_volume.clone())),
        ("Taken by", Some(it.trigger.name().to_owned())),
        ("Bucket", it.bucket.clone()),
        ("Created", it.created_at.map(show::moment)),
        ("Completed", it.completed_at.map(show::moment)),
    ])
}

fn json(it: &Snapshot) -> Value {
    json!({
        "id": it.id,
        "status": it.status.name(),
        "statusReason": it.status_reason,
        "sizeBytes": it.size_bytes,
        "sourceSandboxId": it.source_sandbox_id,
        "sourceVolume": it.source_volume,
        "trigger": it.trigger.name(),
        "bucket": it.bucket,
        "createdAt": it.created_at.map(show::moment),
        "completedAt": it.completed_at.map(show::moment),
    })
}
