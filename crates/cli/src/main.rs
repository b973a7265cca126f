//! The `jetway` command. What each subcommand does is in `commands/`; this file only finds the right one.

mod announcement;
mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sandboxes for running code you do not trust, on this machine.
///
/// Start a server, then point any client of the sandbox wire at it:
///
///   jetway serve
///   export CWSANDBOX_BASE_URL=http://127.0.0.1:7070 CWSANDBOX_API_KEY=...   (printed by `serve`)
#[derive(Debug, Parser)]
#[command(name = "jetway", version, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(commands::serve::Serve),
}

fn main() -> ExitCode {
    // A sandbox's first process is this very program; it must become that before anything else happens.
    jetway_agent::run_if_asked();
    let outcome = match Arguments::parse().command {
        Command::Serve(serve) => commands::serve::run(serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jetway: {error:#}");
            ExitCode::FAILURE
        }
    }
}
