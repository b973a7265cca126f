//! `cargo xtask bench`: release build and package, then `tests/bench/run.mjs` with the arguments given here.

use crate::{command::Program, package, project, server, setup, step, tools};
use anyhow::Result;
use std::time::Duration;

/// How `bench` is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// Passed to tests/bench/run.mjs as they are; `cargo xtask bench -- --help` shows what it knows.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Longer than a whole bench takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// Builds and measures.
///
/// # Errors
/// When a part does not build, or the bench itself breaks. A missed goal is a figure, not an error.
pub fn run(options: &Options) -> Result<()> {
    let script = project::root().join("tests/bench/run.mjs");
    package::run(&package::Options::default())?;
    setup::for_browsers()?;
    server::build(true)?;
    step::run("the bench's own server", |step| {
        let cargo = Program::cargo().args(["build", "--release", "--package", "jetway-server"]);
        cargo.args(["--example", "bench_source"]).run(step).map(drop)
    })?;
    step::run("bench", |step| {
        let program = Program::new("node").arg(&script).args(["--no-build", "--package"]).arg(project::npm_package());
        let program = match tools::chromium() {
            Some(chromium) => program.env("CHROMIUM", chromium),
            None => program,
        };
        program.args(&options.arguments).limit(LIMIT).echo().run(step).map(drop)
    })
}
