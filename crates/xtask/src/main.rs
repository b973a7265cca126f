//! `cargo xtask <task>`: everything the project does to itself, from setting a machine up to the demo.
//!
//! One file or folder per task; what they share is `project` (where things are), `step` (what a person sees),
//! `command` and `children` (running programs, and ending them). Knows the tree; must not know the product's insides.

mod bench;
mod check;
mod children;
mod command;
mod demo;
mod fingerprint;
mod package;
mod page;
mod peers;
mod project;
mod server;
mod setup;
mod soak;
mod step;
mod test;
mod tools;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Jetway's own tasks. A fresh clone needs Rust, Node 20 or newer and (for sandboxes) Linux; `setup` gets the rest.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
    /// Show everything that the programs we start print, as it comes.
    #[arg(long, short, global = true)]
    verbose: bool,
}

const EXAMPLES: &str = "\
First time here?
  cargo xtask demo           build everything, run Python in a sandbox, open a page with it
  cargo xtask test           every suite: Rust, Node, Chromium, other people's clients
While you work:
  cargo xtask check --fast   formatting, lints, walls between modules, types: under 30 s warm
  cargo xtask test frame     only the tests with `frame` in their name

Each step's full output is kept in target/xtask-logs/.";

#[derive(Subcommand)]
enum Task {
    /// Install what the other tasks need (wasm32 std, npm packages, a browser, Python peers). Safe to repeat.
    Setup,
    /// Build the npm package: target/npm/jetway and the packed tarball beside it.
    Package(package::Options),
    /// Build everything and show it working through the packed npm package.
    Demo(demo::Options),
    /// Run the tests and close with one line: 'N passed, N failed, N skipped'.
    Test(test::Options),
    /// Formatting, lints, architecture, docs, types, size budget, licences.
    Check(check::Options),
    /// Measure: release build, then tests/bench/run.mjs with your arguments.
    Bench(bench::Options),
    /// Proofs that take too long for every change.
    Soak(soak::Options),
    /// The whole integration suite of PyPI's cwsandbox, as its authors ship it, against a fresh server.
    Peers(peers::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    step::set_verbose(arguments.verbose);
    children::end_them_on_signals();
    let outcome = match arguments.task {
        Task::Setup => setup::everything(),
        Task::Package(options) => package::run(&options).map(drop),
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Check(options) => check::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Peers(options) => peers::run(&options),
    };
    children::wait_if_interrupted();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<step::Told>() {
                eprintln!("\nerror: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
