//! `cargo xtask check`: everything that can be said about the code without running it. All checks run; the failed ones
//! are listed at the end.

mod addresses;
mod published;
mod registries;

use crate::{command::Program, package, project, setup, setup::wasm_std, step, step::Step, tools};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How `check` is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// Leave out what takes long: rustdoc, the API reference, the package's manifest and size, semantic versioning, licences, dependencies. Under 30 s warm.
    #[arg(long)]
    fast: bool,
}

type Check = (&'static str, fn(&Step) -> Result<()>);

const FAST: &[Check] = &[
    ("formatting", formatting),
    ("addresses and paths in tracked files", addresses::check),
    ("walls between modules", architecture),
    ("clippy", clippy),
    ("clippy wasm32", clippy_wasm),
    ("types", types),
];

const SLOW: &[Check] = &[
    ("rustdoc", rustdoc),
    ("api reference", published::reference),
    ("package from outside", published::package),
    ("crate as it would be published", registries::crates),
    ("crate's semantic versioning", registries::semver),
    ("package as it would be published", registries::npm),
    ("size budget", package::sizes::check),
    ("licences", licences),
    ("dependencies", dependencies),
];

/// Runs the checks.
///
/// # Errors
/// When any of them fails, with their names.
pub fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    if options.fast {
        setup::for_building()?;
    } else {
        package::run(&package::Options::default())?;
        setup::for_checking()?;
    }
    let slow = if options.fast { &[] } else { SLOW };
    let mut failed = Vec::new();
    for (name, check) in FAST.iter().chain(slow) {
        if let Err(error) = step::run(name, check) {
            eprintln!("{error:#}\n");
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    step::heading(&format!("check: all good ({})", step::took(start.elapsed())));
    Ok(())
}

fn formatting(step: &Step) -> Result<()> {
    Program::cargo().args(["fmt", "--all", "--check"]).hint("cargo fmt --all").run(step).map(drop)
}

fn architecture(step: &Step) -> Result<()> {
    // Of the whole workspace, as the tests are built: of one package, all that it depends on would be built once more.
    let cargo = Program::cargo().args(["test", "--quiet", "--workspace", "--test", "architecture"]);
    cargo.hint("the rules and their reasons are in tests/architecture/").run(step).map(drop)
}

fn clippy(step: &Step) -> Result<()> {
    let cargo = Program::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    cargo.run(step).map(drop)
}

fn clippy_wasm(step: &Step) -> Result<()> {
    let std = wasm_std::ensure(step)?;
    let cargo = Program::cargo().args(["clippy", "--package", "jetway", "--lib", "--target", wasm_std::TARGET]);
    std.apply(cargo.args(["--", "-D", "warnings"])).run(step)?;
    step.note("");
    Ok(())
}

/// The types of the built package, from the outside: type tests and the page.
fn types(step: &Step) -> Result<()> {
    if !project::npm_package().join("package.json").is_file() {
        step.note("not checked: the package is not built (cargo xtask package)");
        return Ok(());
    }
    let projects = ["tests/types", "www"].map(|folder| project::root().join(folder).join("tsconfig.json"));
    for config in projects.iter().filter(|config| config.is_file()) {
        let tsc = Program::new("node").arg(project::npm_program("tsc")).args(["--noEmit", "--project"]);
        tsc.arg(config).limit(Duration::from_secs(300)).run(step)?;
    }
    Ok(())
}

fn rustdoc(step: &Step) -> Result<()> {
    // Libraries only: the command and the crate are both called `jetway` and would overwrite each other's pages.
    let cargo = Program::cargo().args(["doc", "--workspace", "--no-deps", "--lib"]).env("RUSTDOCFLAGS", "-D warnings");
    cargo.run(step).map(drop)
}

fn licences(step: &Step) -> Result<()> {
    let reuse = setup::python::tools(step)?.with_file_name("reuse");
    Program::new(&reuse).args(["lint", "--quiet"]).hint("reuse lint shows the files").run(step)?;
    step.note("");
    Ok(())
}

fn dependencies(step: &Step) -> Result<()> {
    match tools::on_path("cargo-deny") {
        Some(_) => Program::cargo()
            .args(["deny", "--all-features", "check", "bans", "licenses", "sources"])
            .run(step)
            .map(drop),
        None => {
            step.note("not checked: `cargo-deny` is not installed (cargo install cargo-deny)");
            Ok(())
        }
    }
}
