//! `jetway purge`: the end of every sandbox with a tag.

use anyhow::Result;
use clap::Args;
use jetway::{Client, Sandbox};

use crate::{exit, output};

/// Delete every sandbox that has all of these tags.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway purge --tag ci --dry-run      how many there are
  jetway purge --tag ci")]
pub struct Purge {
    /// Tag that they have; several tags must all be there
    #[arg(short, long = "tag", value_name = "TAG", required = true)]
    tags: Vec<String>,

    /// Only count them
    #[arg(long)]
    dry_run: bool,
}

/// Deletes them, or counts.
pub async fn run(Purge { tags, dry_run }: Purge, client: Client) -> Result<u8> {
    let report = Sandbox::purge(&client, tags, dry_run).await?;
    let plural = if report.count == 1 { "sandbox" } else { "sandboxes" };
    let what = if dry_run { "would be deleted" } else { "deleted" };
    output::print(&format!("{} {plural} {what}\n", report.count))?;
    for id in &report.failed {
        let later = if report.retryable.contains(id) { "; try again" } else { "" };
        output::tell(&format!("sandbox {id} could not be deleted{later}"));
    }
    Ok(if report.failed.is_empty() { 0 } else { exit::FAILED })
}
