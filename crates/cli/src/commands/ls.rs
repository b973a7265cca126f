//! `jetway ls`: which sandboxes there are.

use anyhow::Result;
use clap::Args;
use jetway::{Client, Sandbox, SandboxStatus, sandbox::ListOptions};
use serde_json::Value;

use crate::{
    output,
    show::{self, Format},
};

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

    /// How to print them
    #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
    output: Format,

    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
}

/// Lists them.
pub async fn run(ls: Ls, client: Client) -> Result<u8> {
    let Ls { status, tags, all, output, quiet } = ls;
    // Who asks for an ended state wants to see ended sandboxes.
    let ended = all || status.is_some_and(SandboxStatus::is_terminal);
    let mut options = ListOptions::default().show_terminated(ended);
    (options.status, options.tags) = (status, tags);
    let found = Sandbox::list(&client, options).all().await?;
    let infos: Vec<_> = found.iter().map(Sandbox::info).collect();
    if quiet {
        output::print(&infos.iter().map(|info| format!("{}\n", info.id)).collect::<String>())?;
        return Ok(0);
    }
    let value = || Value::Array(infos.iter().map(show::json).collect());
    let table = || show::table(&show::COLUMNS, &infos.iter().map(show::row).collect::<Vec<_>>());
    show::print(output, value, table)?;
    Ok(0)
}
