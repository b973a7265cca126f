//! The `jetway` command. What each subcommand does is in `commands/`; this file only finds the right one.

mod announcement;
mod archive;
mod attach;
mod candidates;
mod commands;
mod contexts;
mod data_dir;
mod detach_keys;
mod duration;
mod endpoint;
mod exit;
mod follow;
mod input;
mod kept_terminals;
mod keyboard;
mod listing;
mod mcp;
mod output;
mod plots;
mod process_options;
mod progress;
mod raw_mode;
mod repl;
mod resume;
mod run_code;
mod serving;
mod shape;
mod show;
mod signals;
mod telemetry;
mod throwaway;
mod transfer;
mod tunnel;
mod usage;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{commands as cmd, endpoint::Endpoint, exit::Usage};

/// Sandboxes for running code you do not trust, on this machine or on a server.
///
///   jetway serve                            serve sandboxes from this machine
///   jetway run -- python3 -c 'print(42)'    run a command in one; finds that server by itself
///
/// Any other server: `jetway login URL` once; or --url and --token; or CWSANDBOX_BASE_URL and CWSANDBOX_API_KEY.
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
    Files(Call<cmd::files::Files>),
    Code(Call<cmd::code::Code>),
    Top(Call<cmd::top::Top>),
    PortForward(Call<cmd::port_forward::PortForward>),
    Stop(Call<cmd::stop::Stop>),
    Delete(Call<cmd::stop::Delete>),
    Purge(Call<cmd::purge::Purge>),
    Snapshots(Call<cmd::snapshots::Snapshots>),
    Templates(Call<cmd::templates::Templates>),
    Volumes(Call<cmd::volumes::Volumes>),
    Secrets(Call<cmd::secrets::Secrets>),
    Runners(Call<cmd::runners::Runners>),
    Mcp(Call<cmd::mcp::Mcp>),
    Login(cmd::login::Login),
    Logout(cmd::login::Logout),
    Config(cmd::config::Config),
    Doctor(cmd::doctor::Doctor),
    Completion(cmd::completion::Completion),
    #[command(hide = true)]
    Man(cmd::completion::Man),
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
    clap_complete::CompleteEnv::with_factory(command_line).var(cmd::completion::VARIABLE).bin("jetway").complete();
    let matches = command_line().get_matches();
    let Arguments { endpoint, command } = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    ExitCode::from(run(command, endpoint).unwrap_or_else(|error| exit::report(&error)))
}

/// As it is declared; and where a command has commands of its own, each of those says too which server it talks to.
fn command_line() -> clap::Command {
    Arguments::command().mut_subcommands(|command| {
        let nested = command.get_subcommands().next().is_some();
        let talks = command.get_arguments().any(|it| it.get_id() == "url");
        if !(nested && talks) {
            return command;
        }
        ["url", "token", "context"]
            .into_iter()
            .fold(command, |command, name| command.mut_arg(name, |it| it.global(true)))
    })
}

fn run(command: Command, endpoint: Endpoint) -> Result<u8> {
    match command {
        Command::Serve(_)
        | Command::Proxy(_)
        | Command::Image(_)
        | Command::Login(_)
        | Command::Logout(_)
        | Command::Config(_)
        | Command::Doctor(_)
        | Command::Completion(_)
        | Command::Man(_)
            if !endpoint.is_empty() =>
        {
            Err(Usage::error("--url, --token and --context name a server to talk to, which this command does not do"))
        }
        Command::Serve(serve) => cmd::serve::run(*serve).map(|()| 0),
        Command::Proxy(proxy) => cmd::proxy::run(*proxy).map(|()| 0),
        Command::Image(image) => cmd::image::run(image).map(|()| 0),
        Command::Doctor(doctor) => cmd::doctor::run(&doctor),
        Command::Completion(completion) => cmd::completion::run(&completion),
        Command::Man(man) => cmd::completion::man(&man, command_line()),
        Command::Login(login) => block_on(cmd::login::login(login)),
        Command::Logout(logout) => cmd::login::logout(logout),
        Command::Config(config) => cmd::config::run(config),
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
        Command::Files(call) => talk(call, endpoint, cmd::files::run),
        Command::Code(call) => talk(call, endpoint, cmd::code::run),
        Command::Top(call) => talk(call, endpoint, cmd::top::run),
        Command::PortForward(call) => talk(call, endpoint, cmd::port_forward::run),
        Command::Snapshots(call) => talk(call, endpoint, cmd::snapshots::run),
        Command::Templates(call) => talk(call, endpoint, cmd::templates::run),
        Command::Volumes(call) => talk(call, endpoint, cmd::volumes::run),
        Command::Secrets(call) => talk(call, endpoint, cmd::secrets::run),
        Command::Runners(call) => talk(call, endpoint, cmd::runners::run),
        Command::Mcp(call) => talk(call, endpoint, cmd::mcp::run),
    }
}

fn talk<A: Args>(
    call: Call<A>,
    before: Endpoint,
    run: impl AsyncFnOnce(A, jetway::Client) -> Result<u8>,
) -> Result<u8> {
    block_on(async { run(call.arguments, call.endpoint.or(before).client()?).await })
}

fn block_on(work: impl Future<Output = Result<u8>>) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let ended = runtime.block_on(work);
    // Not waited for: a write to a reader that does not read may never end.
    runtime.shutdown_background();
    ended
}
