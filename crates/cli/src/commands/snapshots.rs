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
    candidates, duration, exit,
    listing::{Listed, PrintAll, PrintMade, PrintOne},
    show,
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
        #[command(flatten)]
        print: PrintMade,
    },
    /// List them, the oldest first
    #[command(visible_alias = "list")]
    Ls {
        /// Only those of this sandbox
        #[arg(long, value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
        sandbox: Option<String>,
        #[command(flatten)]
        print: PrintAll,
    },
    /// Show everything about one
    Get {
        /// Snapshot
        #[arg(value_name = "SNAPSHOT")]
        id: String,
        #[command(flatten)]
        print: PrintOne,
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
        Action::Create { id, volume, timeout, print } => {
            let mut options = SnapshotOptions::default().timeout(timeout);
            options.volume = volume;
            let taken = Sandbox::from_id(&client, &id).await?.snapshot(options).await?;
            print.print(&taken)?;
        }
        Action::Ls { sandbox, print } => {
            let found = Snapshot::list(&client, sandbox.as_deref()).await?;
            print.print(&found)?;
        }
        Action::Get { id, print } => print.print(&Snapshot::get(&client, &id).await?)?,
        Action::Delete { ids, missing_ok, quiet } => {
            return exit::each(&ids, quiet, async |id| Snapshot::delete(&client, id, missing_ok).await).await;
        }
    }
    Ok(0)
}

impl Listed for Snapshot {
    const COLUMNS: &'static [&'static str] = &["ID", "STATUS", "SIZE", "SANDBOX", "VOLUME", "AGE"];

    fn name(&self) -> &str {
        &self.id
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.status.name().to_owned(),
            HumanBytes(self.size_bytes).to_string(),
            self.source_sandbox_id.clone(),
            self.source_volume.clone(),
            show::age(self.created_at),
        ]
    }

    fn details(&self) -> String {
        show::lines(&[
            ("Id", Some(self.id.clone())),
            ("Status", Some(self.status.name().to_owned())),
            ("Reason", self.status_reason.clone()),
            ("Size", Some(HumanBytes(self.size_bytes).to_string())),
            ("Sandbox", Some(self.source_sandbox_id.clone())),
            ("Volume", Some(self.source_volume.clone())),
            ("Taken by", Some(self.trigger.name().to_owned())),
            ("Bucket", self.bucket.clone()),
            ("Created", self.created_at.map(show::moment)),
            ("Completed", self.completed_at.map(show::moment)),
        ])
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "status": self.status.name(),
            "statusReason": self.status_reason,
            "sizeBytes": self.size_bytes,
            "sourceSandboxId": self.source_sandbox_id,
            "sourceVolume": self.source_volume,
            "trigger": self.trigger.name(),
            "bucket": self.bucket,
            "createdAt": self.created_at.map(show::moment),
            "completedAt": self.completed_at.map(show::moment),
        })
    }
}
