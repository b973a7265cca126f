//! `cargo xtask bench`: release build and package, then `tests/bench/run.mjs` with the arguments given here.

use crate::{command::Program, package, project, server, setup, step, tools};
use anyhow::{Result, bail};

/// How `bench` is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// Passed to tests/bench/run.mjs as they are; `cargo xtask bench -- --help` shows what it knows.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds and measures.
///
/// # Errors
/// When a part does not build, or the bench reports that a bound is missed.
pub fn run(options: &Options) -> Result<()> {
    let script = project::root().join("tests/bench/run.mjs");
    if !script.is_file() {
        bail!("there is no {} in this checkout", project::shown(&script));
    }
    let tarball = package::run(&package::Options::default())?;
    setup::for_browsers()?;
    let binary = server::build(true)?;
    step::run("bench", |step| {
        let program = Program::new("node")
            .arg(&script)
            .args(&options.arguments)
            .env("JETWAY_BIN", &binary)
            .env("JETWAY_PACKAGE", project::npm_package())
            .env("JETWAY_TARBALL", &tarball);
        let program = match tools::chromium() {
            Some(chromium) => program.env("JETWAY_CHROMIUM", chromium),
            None => program,
        };
        let finished = program.run(step)?;
        finished.lines.iter().for_each(|line| step.say(line));
        Ok(())
    })
}
