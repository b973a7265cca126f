//! `jetway stop` and `jetway delete`: the end of sandboxes, waited for or not.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{Client, Sandbox, sandbox::StopOptions};

use crate::{candidates, duration, exit};

/// Stop sandboxes, and wait until they have ended.
///
/// Their processes are asked to end, and killed when the grace is over.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway stop ID
  jetway stop ID1 ID2 --grace 0      kill at once
  jetway ls -q --tag ci | xargs -r jetway stop --missing-ok")]
pub struct Stop {
    #[command(flatten)]
    which: Which,
}

/// Delete sandboxes, without waiting for their end.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway delete ID
  jetway delete ID --missing-ok      fine also when it is gone already
  jetway delete ID --grace 0         kill at once")]
pub struct Delete {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
struct Which {
    /// Sandboxes
    #[arg(value_name = "ID", required = true, add = ArgValueCandidates::new(candidates::sandboxes))]
    ids: Vec<String>,

    /// How long their processes get to end by themselves
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10s")]
    grace: Duration,

    /// Sandboxes that do not exist are fine
    #[arg(long)]
    missing_ok: bool,

    /// Do not print the ids of those that were ended
    #[arg(short, long)]
    quiet: bool,
}

impl Which {
    fn options(&self) -> StopOptions {
        StopOptions::default().graceful_shutdown(self.grace).missing_ok(self.missing_ok)
    }
}

/// Stops them.
pub async fn stop(Stop { which }: Stop, client: Client) -> Result<u8> {
    let one = async |id: &str| match Sandbox::from_id(&client, id).await {
        Ok(sandbox) => sandbox.stop(which.options()).await,
        Err(error) if which.missing_ok && error.kind() == jetway::ErrorKind::SandboxNotFound => Ok(()),
        Err(error) => Err(error),
    };
    exit::each(&which.ids, which.quiet, one).await
}

/// Deletes them.
pub async fn delete(Delete { which }: Delete, client: Client) -> Result<u8> {
    exit::each(&which.ids, which.quiet, async |id| Sandbox::delete_by_id(&client, id, which.options()).await).await
}
