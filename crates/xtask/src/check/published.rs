//! The built package as those see it who install it: its manifest, its types under every way to resolve them, and the
//! reference that its types make. The tools are those that `tests/tools` pins.

use crate::{command::Program, project, step::Step};
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

/// Entries that only modules can take: their types say so, and so may the tools.
const MODULES_ONLY: &[&str] = &["inline", "cloud", "elements", "computesdk", "cwsandbox", "opentelemetry"];
/// What is exported and is no code.
const FILES: &[&str] = &["core_bg.wasm"];

/// What `publint` and `attw` say about the package.
///
/// # Errors
/// When one of them finds something.
pub fn package(step: &Step) -> Result<()> {
    if !is_built(step) {
        return Ok(());
    }
    node("publint").args(["--strict"]).arg(project::npm_package()).run(step)?;
    types("node16").arg("--exclude-entrypoints").args(MODULES_ONLY.iter().chain(FILES)).run(step)?;
    types("esm-only").arg("--entrypoints").args(MODULES_ONLY).run(step)?;
    Ok(())
}

/// The reference of the JavaScript API, without a warning: each link leads somewhere, everything named is exported.
///
/// # Errors
/// When TypeDoc warns.
pub fn reference(step: &Step) -> Result<()> {
    if !is_built(step) {
        return Ok(());
    }
    let out = project::target().join("doc/javascript");
    let options = project::root().join("tests/tools/typedoc.json");
    node("typedoc").arg("--options").arg(options).arg("--out").arg(&out).limit(Duration::from_secs(300)).run(step)?;
    step.note(project::shown(&out.join("index.html")));
    Ok(())
}

/// `attw`, which tries the types as each kind of resolution does.
fn types(profile: &str) -> Program {
    node("attw").arg(project::npm_tarball()).args(["--no-emoji", "--no-color", "--profile", profile])
}

fn node(name: &str) -> Program {
    let program: PathBuf = project::root().join("tests/tools/node_modules/.bin").join(name);
    Program::new("node").arg(program)
}

fn is_built(step: &Step) -> bool {
    let built = project::npm_tarball().is_file();
    if !built {
        step.note("not checked: the package is not built (cargo xtask package)");
    }
    built
}
