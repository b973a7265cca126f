//! `jetway sh`: a shell in a sandbox, in this terminal.

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{Client, Sandbox, sandbox::ShellOptions};

use crate::{attach, candidates, shape::Shape, signals::Signals, throwaway};

/// Open a shell in a sandbox, or in a new one that is deleted afterwards.
///
/// Every key goes to the shell, Ctrl-C and Ctrl-Z too; the shell follows the size of this terminal. The exit code is the
/// shell's.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway sh                        look around in a new sandbox
  jetway sh ID                     in one that runs
  jetway sh ID --cmd python3       another program in its place
  jetway sh --image node:20        a new one with this image")]
pub struct Sh {
    /// Sandbox; without it a new one is made, and deleted when the shell ends
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes), conflicts_with = "shape")]
    id: Option<String>,

    /// Command line to run instead of a shell
    #[arg(long, value_name = "COMMAND")]
    cmd: Option<String>,

    #[command(flatten)]
    shape: Shape,
}

/// Attaches to it until it ends.
pub async fn run(sh: Sh, client: Client) -> Result<u8> {
    let Sh { id, cmd, shape } = sh;
    let options = match cmd {
        // Split by the shell over there, which knows its own rules.
        Some(line) => ShellOptions::default().command(["/bin/sh", "-c", &line]),
        None => ShellOptions::default(),
    };
    let Some(id) = id else {
        let mut signals = Signals::listen()?;
        return throwaway::with(&client, shape.options(), false, &mut signals, async move |sandbox, signals| {
            attach::attach(sandbox, options, signals).await
        })
        .await;
    };
    let sandbox = Sandbox::from_id(&client, &id).await?;
    attach::attach(&sandbox, options, &mut Signals::listen()?).await
}
