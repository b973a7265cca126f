//! `jetway exec`: a command in a sandbox that runs.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{Client, Sandbox, sandbox::ShellOptions};

use crate::{
    attach, candidates, duration, follow,
    process_options::{Connection, parse_variable},
    signals::Signals,
};

/// Run a command in a sandbox.
///
/// The exit code is the command's. Ctrl-C goes to the command; a second one ends it and leaves (130).
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway exec ID -- ls -l /tmp
  tar -cf - src | jetway exec ID -- tar -C /work -xf -     input through a pipe
  jetway exec ID --cwd /work --timeout 10m -- make test    exits with 124 when the time is over
  jetway exec ID -t -i -- top                              with a terminal")]
pub struct Exec {
    /// Sandbox
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
    id: String,

    #[command(flatten)]
    connection: Connection,

    /// Working directory
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,

    /// Variable for the command, NAME=VALUE, or NAME for the value it has here; may be given several times
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    env: Vec<(String, String)>,

    /// Kill the command after this long, e.g. 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "tty")]
    timeout: Option<Duration>,

    /// Command and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

/// Runs it to its end.
pub async fn run(exec: Exec, client: Client) -> Result<u8> {
    let Exec { id, connection, cwd, env, timeout, command } = exec;
    // Until something runs, signals end us by themselves.
    let sandbox = Sandbox::from_id(&client, &id).await?;
    let mut signals = Signals::listen()?;
    if connection.tty {
        let mut options = ShellOptions::default().command(command);
        (options.cwd, options.env) = (cwd, env.into_iter().collect());
        return attach::attach(&sandbox, options, &mut signals).await;
    }
    let mut options = connection.exec_options();
    (options.cwd, options.env, options.timeout) = (cwd, env.into_iter().collect(), timeout);
    follow::follow(sandbox.exec(command, options), &mut signals).await
}
