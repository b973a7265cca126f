//! `jetway logs`: what a sandbox's own command printed.

use std::time::SystemTime;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use futures::stream;
use jetway::{Client, Sandbox, sandbox::LogOptions};

use crate::{candidates, duration, output};

/// Show what a sandbox's own command printed (not what `exec` runs).
///
/// Works on a sandbox that has ended, too.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway logs ID
  jetway logs ID -f --tail 20                    the last lines, and what comes
  jetway logs ID --since 5m -t                   with the time of each line
  jetway logs ID --since 2026-01-31T12:00:00Z")]
pub struct Logs {
    /// Sandbox
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
    id: String,

    /// Go on until the command ends
    #[arg(short, long)]
    follow: bool,

    /// Only so many of the last lines
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,

    /// Only what was printed since then: so long ago (5m, 2h) or a time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = duration::parse_moment)]
    since: Option<SystemTime>,

    /// Put the time before each line
    #[arg(short, long)]
    timestamps: bool,

    /// Which container of the sandbox
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
}

/// Shows it.
pub async fn run(logs: Logs, client: Client) -> Result<u8> {
    let Logs { id, follow, tail, since, timestamps, container } = logs;
    let mut options = LogOptions::default().follow(follow).timestamps(timestamps);
    (options.tail_lines, options.since, options.container) = (tail, since, container);
    let log = Sandbox::from_id(&client, &id).await?.logs(options).await?;
    let chunks = stream::unfold(log, async |mut log| {
        let chunk = log.next().await?;
        Some((chunk.map(|chunk| chunk.data), log))
    });
    output::copy(Box::pin(chunks), tokio::io::stdout()).await?;
    Ok(0)
}
