//! `jetway run`: a command in a sandbox of its own.

use anyhow::Result;
use clap::Args;
use jetway::{Client, Sandbox, sandbox::ShellOptions};

use crate::{
    attach, exit::Usage, follow, output, process_options::Connection, shape::Shape, signals::Signals, throwaway,
};

/// Run a command in a new sandbox, and delete the sandbox afterwards.
///
/// The exit code is the command's. Ctrl-C goes to the command; a second one ends it and leaves (130).
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway run -- python3 -c 'print(6 * 7)'
  jetway run --image node:20 -- node --version
  echo 'print(1 + 1)' | jetway run -- python3 -      input through a pipe
  jetway run -t -i -- python3                        with a terminal
  jetway run --keep --tag demo -- touch /tmp/file    leaves the sandbox, and says its id
  jetway run --detach -- python3 -m http.server      as the sandbox's own command: prints the id, see `jetway logs`")]
pub struct Run {
    #[command(flatten)]
    shape: Shape,

    #[command(flatten)]
    connection: Connection,

    /// Delete the sandbox afterwards; this is the default
    #[arg(long, conflicts_with_all = ["keep", "detach"])]
    rm: bool,

    /// Leave the sandbox, and say its id on standard error
    #[arg(long)]
    keep: bool,

    /// Start the command as the sandbox's own, print the id, and leave it running. Without a command it only waits
    #[arg(short, long, conflicts_with_all = ["tty", "interactive"])]
    detach: bool,

    /// Command and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, required_unless_present = "detach")]
    command: Vec<String>,
}

/// Runs it to its end.
pub async fn run(run: Run, client: Client) -> Result<u8> {
    let Run { shape, connection, rm: _, keep, detach, command } = run;
    if detach {
        let sandbox = Sandbox::create(&client, shape.options().command(command)).await?;
        output::print(&format!("{}\n", sandbox.start().await?))?;
        return Ok(0);
    }
    if command.first().is_some_and(String::is_empty) {
        return Err(Usage::error("the command is empty; e.g. jetway run -- echo hi"));
    }
    let mut signals = Signals::listen()?;
    throwaway::with(
        &client,
        shape.options(),
        |_| keep,
        &mut signals,
        async move |sandbox, signals| {
            if connection.tty {
                return attach::attach(sandbox, ShellOptions::default().command(command), signals).await;
            }
            follow::follow(sandbox.exec(command, connection.exec_options()), signals).await
        },
    )
    .await
}
