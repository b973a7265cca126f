//! The `jetway` command. What each subcommand does is in `commands/`; this file only finds the right one.

mod announcement;
mod attach;
mod commands;
mod data_dir;
mod duration;
mod endpoint;
mod exit;
mod follow;
mod input;
mod output;
mod process_options;
mod raw_mode;
mod serving;
mod show;
mod signals;
mod telemetry;
mod throwaway;
mod transfer;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{commands as cmd, endpoint::Endpoint, exit::Usage};

/// Sandboxes for running code you do not trust, on this machine or on a server.
///
///   jetway serve                            serve sandboxes from this machine
///   jetway run -- python3 -c 'print(42)'    run a command in one; finds that server by itself
///
/// Any other server: --url and --token, or CWSANDBOX_BASE_URL and CWSANDBOX_API_KEY.
#[derive(Debug, Parser)]
#[command(name = "jetway", version, verbatim_doc_comment)]
struct Arguments {
    #[command(flatten)]
    endpoint: Endpoint,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<cmd::serve::Serve>),
    Proxy(Box<cmd::proxy::Proxy>),
    Image(cmd::image::Image),
    Run(Call<cmd::run::Run>),
    Exec(Call<cmd::exec::Exec>),
    Sh(Call<cmd::sh::Sh>),
    Ls(Call<cmd::ls::Ls>),
    Get(Call<cmd::get::Get>),
    Logs(Call<cmd::logs::Logs>),
    Cp(Call<cmd::cp::Cp>),
    Stop(Call<cmd::stop::Stop>),
    Delete(Call<cmd::stop::Delete>),
    Purge(Call<cmd::purge::Purge>),
    Doctor(cmd::doctor::Doctor),
    Completion(cmd::completion::Completion),
}

// A command that talks to a server. No doc comment, and the command's own arguments last: clap takes the last comment of
// what it flattens for the help.
#[derive(Debug, Args)]
struct Call<Arguments: Args> {
    #[command(flatten)]
    endpoint: Endpoint,

    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    // A sandbox's first process is this very program; it must become that before anything else happens.
    jetway_agent::run_if_asked();
    let Arguments { endpoint, command } = Arguments::parse();
    ExitCode::from(run(command, endpoint).unwrap_or_else(|error| exit::report(&error)))
}

fn run(command: Command, endpoint: Endpoint) -> Result<u8> {
    match command {
        Command::Serve(_) | Command::Proxy(_) | Command::Image(_) | Command::Doctor(_) | Command::Completion(_)
            if !endpoint.is_empty() =>
        {
            Err(Usage::error("--url and --token name a server to talk to, which this command does not do"))
        }
        Command::Serve(serve) => cmd::serve::run(*serve).map(|()| 0),
        Command::Proxy(proxy) => cmd::proxy::run(*proxy).map(|()| 0),
        Command::Image(image) => cmd::image::run(image).map(|()| 0),
        Command::Doctor(doctor) => cmd::doctor::run(&doctor),
        Command::Completion(completion) => cmd::completion::run(&completion, Arguments::command()),
        Command::Run(call) => talk(call, endpoint, cmd::run::run),
        Command::Exec(call) => talk(call, endpoint, cmd::exec::run),
        Command::Sh(call) => talk(call, endpoint, cmd::sh::run),
        Command::Ls(call) => talk(call, endpoint, cmd::ls::run),
        Command::Get(call) => talk(call, endpoint, cmd::get::run),
        Command::Logs(call) => talk(call, endpoint, cmd::logs::run),
        Command::Cp(call) => talk(call, endpoint, cmd::cp::run),
        Command::Stop(call) => talk(call, endpoint, cmd::stop::stop),
        Command::Delete(call) => talk(call, endpoint, cmd::stop::delete),
        Command::Purge(call) => talk(call, endpoint, cmd::purge::run),
    }
}

fn talk<A: Args>(
    call: Call<A>,
    before: Endpoint,
    run: impl AsyncFnOnce(A, jetway::Client) -> Result<u8>,
) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let ended = runtime.block_on(async { run(call.arguments, call.endpoint.or(before).client()?).await });
    // Not waited for: a write to a reader that does not read may never end.
    runtime.shutdown_background();
    ended
}
