//! `jetway ls`: which sandboxes there are.

use anyhow::Result;
use clap::Args;
use jetway::{Client, Sandbox, SandboxStatus, sandbox::ListOptions};

use crate::listing::PrintAll;

/// List sandboxes.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway ls
  jetway ls --all --tag ci                   also those that have ended
  jetway ls --status running -o json
  jetway ls -q --tag ci | xargs -r jetway stop  the ids alone")]
pub struct Ls {
    /// Only those in this state, e.g. running
    #[arg(long, value_name = "STATUS")]
    status: Option<SandboxStatus>,

    /// Only those with this tag; several tags must all be there
    #[arg(short, long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// Also those that have ended
    #[arg(short, long)]
    all: bool,

    #[command(flatten)]
    print: PrintAll,
}

/// Lists them.
pub async fn run(ls: Ls, client: Client) -> Result<u8> {
    let Ls { status, tags, all, print } = ls;
    // Who asks for an ended state wants to see ended sandboxes.
    let ended = all || status.is_some_and(SandboxStatus::is_terminal);
    let mut options = ListOptions::default().show_terminated(ended);
    (options.status, options.tags) = (status, tags);
    let found = Sandbox::list(&client, options).all().await?;
    print.print(&found.iter().map(Sandbox::info).collect::<Vec<_>>())?;
    Ok(0)
}
