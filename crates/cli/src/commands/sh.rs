//! `jetway sh`: a shell in a sandbox, in this terminal.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{Client, Sandbox, process::Keep, sandbox::ShellOptions};

use crate::{
    attach::{self, Left},
    candidates,
    detach_keys::DetachKeys,
    duration, input, kept_terminals, output,
    shape::Shape,
    show::Format,
    signals::Signals,
    throwaway,
};

/// Open a shell in a sandbox, or in a new one that is deleted afterwards.
///
/// Every key goes to the shell, Ctrl-C and Ctrl-Z too; the shell follows the size of this terminal. The exit code is the
/// shell's. The detach keys leave it running on the server, with its last mebibyte of output, and say how to come back;
/// a new sandbox then stays too. A lost connection is made again by itself.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway sh                              look around in a new sandbox
  jetway sh ID                           in one that runs; Ctrl-P Ctrl-Q detaches
  jetway sh ID --list                    which terminals are kept there
  jetway sh ID --attach TERMINAL         go on in one of them, or watch it beside somebody
  jetway sh ID --keep-for 8h             wait longer than 10 minutes for somebody to come back
  jetway sh ID --cmd python3             another program in its place
  jetway sh --image node:20              a new one with this image")]
pub struct Sh {
    /// Sandbox; without it a new one is made, and deleted when the shell ends
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes), conflicts_with = "shape")]
    id: Option<String>,

    /// Command line to run instead of a shell
    #[arg(long, value_name = "COMMAND")]
    cmd: Option<String>,

    /// Connect to this kept terminal instead of starting a shell; shows the output that is kept of it
    #[arg(long, value_name = "TERMINAL", requires = "id", conflicts_with = "cmd")]
    attach: Option<String>,

    /// Print the kept terminals of the sandbox instead
    #[arg(long, requires = "id", conflicts_with_all = ["cmd", "attach", "keep_for", "detach_keys"])]
    list: bool,

    /// Keys that leave the shell and let it run on, one after the other; empty for none
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,

    /// How long it waits for somebody to come back, at most 24h [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    keep_for: Option<Duration>,

    /// How to print the list
    #[arg(short, long, value_enum, default_value_t, requires = "list")]
    output: Format,

    #[command(flatten)]
    shape: Shape,
}

/// Attaches to it until it ends or is left.
pub async fn run(sh: Sh, client: Client) -> Result<u8> {
    let Sh { id, cmd, attach, list, detach_keys, keep_for, output, shape } = sh;
    let mut options = match cmd {
        // Split by the shell over there, which knows its own rules.
        Some(line) => ShellOptions::default().command(["/bin/sh", "-c", &line]),
        None => ShellOptions::default(),
    };
    // Nobody detaches who types nothing; and the end of such an input should be the shell's.
    if input::is_terminal() || attach.is_some() || keep_for.is_some() {
        let mut keep = Keep::new();
        (keep.keep_for, keep.attach_only, keep.id) = (keep_for, attach.is_some(), attach.clone());
        options.keep = Some(keep);
    }
    let Some(id) = id else {
        let mut signals = Signals::listen()?;
        let stays = |left: &Result<Left>| matches!(left, Ok(Left::Detached(_)));
        let left = throwaway::with(&client, shape.options(), stays, &mut signals, async move |sandbox, signals| {
            let left = attach::attach_kept(sandbox, options, detach_keys, signals).await;
            if let Ok(Left::Detached(terminal)) = &left {
                tell_the_way_back(sandbox, terminal);
            }
            left
        });
        return Ok(match left.await? {
            Left::Ended(code) | Left::Abandoned(_, code) => code,
            Left::Detached(_) => 0,
        });
    };
    let sandbox = Sandbox::from_id(&client, &id).await?;
    if list {
        return kept_terminals::list(&sandbox, output).await.map(|()| 0);
    }
    let left = attach::attach_kept(&sandbox, options, detach_keys, &mut Signals::listen()?).await;
    match left.map_err(|error| if attach.is_some() { kept_terminals::explained(error) } else { error })? {
        Left::Ended(code) => Ok(code),
        Left::Detached(terminal) => {
            tell_the_way_back(&sandbox, &terminal);
            Ok(0)
        }
        Left::Abandoned(terminal, code) => {
            tell_the_way_back(&sandbox, &terminal);
            Ok(code)
        }
    }
}

fn tell_the_way_back(sandbox: &Sandbox, terminal: &str) {
    let id = sandbox.id().unwrap_or_default();
    output::tell(&format!("detached; to attach again: jetway sh {id} --attach {terminal}"));
}
