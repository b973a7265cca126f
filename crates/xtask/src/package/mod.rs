//! `cargo xtask package`: the client as wasm, its JavaScript, and the packed npm package.
//!
//! `core` compiles and binds, `optimise` shrinks, `assemble` puts the package together (`functions` its one part that has
//! libraries in it), `sizes` measures it.

mod assemble;
mod core;
mod elements;
mod functions;
mod optimise;
pub mod sizes;

use crate::{command::Program, fingerprint::Fingerprint, project, setup, step};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// How `package` is asked for.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Skip wasm-opt: larger, but faster to build while you work on the core.
    #[arg(long)]
    no_opt: bool,
    /// Compile without optimising too: quickest to build, for tests of behaviour only; its size and speed mean nothing.
    #[arg(long)]
    dev: bool,
}

/// The recipe is an input too: a change to it rebuilds the package.
const RECIPE: &str = concat!(
    include_str!("mod.rs"),
    include_str!("core.rs"),
    include_str!("optimise.rs"),
    include_str!("assemble.rs"),
    include_str!("functions.rs"),
    include_str!("elements.rs")
);

/// Builds what is out of date and returns the packed tarball.
///
/// # Errors
/// When a tool is missing or a step fails.
pub fn run(options: &Options) -> Result<PathBuf> {
    setup::for_building()?;
    let optimised = !options.no_opt && !options.dev;
    let compiled = step::run("core to wasm", |step| core::compile(options.dev, step))?;
    let tarball = project::npm_tarball();
    let stamp = project::target().join("npm/.stamp");
    let inputs = Fingerprint::default()
        .text(RECIPE)
        .text(project::version())
        .text(if optimised { "optimised" } else { "plain" })
        .path(&compiled)?
        .path(&project::root().join("pkg-template"))?
        .path(&project::root().join("src/code/driver"))?
        .path(&project::root().join("src/session/runner"))?
        .path(&project::root().join("LICENSE"))?
        .path(&project::root().join("tests/package-lock.json"))?;
    if inputs.matches(&stamp) && tarball.is_file() {
        step::run("npm package", |step| {
            step.note(format!("{} is up to date", project::shown(&tarball)));
            Ok(())
        })?;
    } else {
        let bound = step::run("bindings", |step| core::bind(&compiled, step))?;
        if optimised {
            step::run("wasm-opt", |step| optimise::shrink(&bound, step))?;
        }
        step::run("npm package", |step| assemble::package(&bound, step))?;
        step::run("npm pack", |step| {
            pack(step)?;
            inputs.keep(&stamp)
        })?;
    }
    if !options.dev {
        step::run("sizes", sizes::report)?;
    }
    Ok(tarball)
}

fn pack(step: &step::Step) -> Result<()> {
    let target = project::target().join("npm");
    Program::new("npm")
        .args(["pack", "--silent", "--pack-destination"])
        .arg(&target)
        .arg(project::npm_package())
        .run(step)?;
    let tarball = project::npm_tarball();
    let bytes = std::fs::metadata(&tarball)
        .with_context(|| format!("npm pack did not leave {}", project::shown(&tarball)))?
        .len();
    step.note(format!("{}, {}", project::shown(&tarball), sizes::kilobytes(bytes)));
    Ok(())
}
