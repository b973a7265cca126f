//! `cargo xtask setup`: what the other tasks need, each part checked first and installed only where it is missing.

mod browser;
mod debian;
mod debian_std;
mod node;
pub mod python;
pub mod wasm_std;

use crate::{project, step, tools};
use anyhow::Result;
use std::path::PathBuf;

/// Everything, for a machine where all tasks should run.
///
/// # Errors
/// When a part is missing and cannot be installed; the error says what to run by hand.
pub fn everything() -> Result<()> {
    for_building()?;
    for_checking()?;
    for_consumers()?;
    for_browsers()?;
    for_images();
    for_terminals();
    step::run("python for other people's clients", python::ensure).map(drop)
}

/// What building the package and the page needs.
///
/// # Errors
/// As `everything`.
pub fn for_building() -> Result<()> {
    step::run("wasm32 standard library", |step| wasm_std::ensure(step).map(drop))?;
    step::run("node", node::check)?;
    step::run("npm packages of tests/", |step| node::packages("tests", step))?;
    step::run("npm packages of www/", |step| node::packages("www", step))
}

/// What looks at the sources and at the built package from outside.
///
/// # Errors
/// As `everything`.
pub fn for_checking() -> Result<()> {
    step::run("npm packages of tests/tools/", |step| node::packages("tests/tools", step))?;
    step::run("python for looking at the sources", |step| python::tools(step).map(drop))
}

/// The bundlers and runtimes that the built package is tried in.
///
/// # Errors
/// As `everything`.
pub fn for_consumers() -> Result<()> {
    step::run("npm packages of tests/consumers/", |step| node::packages("tests/consumers", step))
}

/// What images come from in tests.
pub const REGISTRY: &str = "docker-registry";

/// The root that tests of images are made of, a shell and tools in one file, and the registry that they come from. Where
/// one cannot be had, those tests fail under `cargo xtask test` and say so; the others still run.
pub fn for_images() {
    let busybox = std::path::Path::new("/bin/busybox");
    let found = step::run("busybox for tests of images", |step| {
        if !busybox.is_file() {
            debian::install("busybox-static", "install a static busybox as /bin/busybox", step)?;
        }
        step.note(busybox.display().to_string());
        Ok(())
    });
    let registry = step::run("docker-registry for tests of images", |step| {
        let found = tools::on_path(REGISTRY).or_else(|| Some(debian::unpacked(REGISTRY)).filter(|path| path.is_dir()));
        if let Some(found) = found {
            step.note(project::shown(&found));
            return Ok(());
        }
        debian::unpack(REGISTRY, "put docker-registry (CNCF distribution) on the PATH", step)
    });
    for error in [found, registry].into_iter().filter_map(Result::err) {
        eprintln!("{error:#}\nthe tests that need it will fail\n");
    }
}

/// The editor that a remote terminal is tried with: sandboxes with the host's view have those of the host. Where one cannot
/// be had, that test fails under `cargo xtask test` and says so; the others still run.
pub fn for_terminals() {
    let found = step::run("vim for tests of terminals", |step| {
        match ["vim.tiny", "vim"].into_iter().find_map(tools::on_path) {
            Some(found) => step.note(project::shown(&found)),
            None => debian::install("vim-tiny", "install vim", step)?,
        }
        Ok(())
    });
    if let Err(error) = found {
        eprintln!("{error:#}\nthe test that needs it will fail\n");
    }
}

/// The registry's program where `for_images` unpacks it.
pub fn unpacked_registry() -> PathBuf {
    debian::unpacked(REGISTRY).join("usr/bin").join(REGISTRY)
}

/// Other people's gateways, which the page is tried behind. Where there is no Python for them, those tests say so and skip.
pub fn for_gateways() {
    if let Err(error) = step::run("python for other people's gateways", |step| python::ensure(step).map(drop)) {
        eprintln!("{error:#}\nthe tests that need one are skipped\n");
    }
}

/// What driving a browser needs.
///
/// # Errors
/// As `everything`.
pub fn for_browsers() -> Result<()> {
    step::run("browser", |step| browser::ensure(step).map(drop))
}
