//! Compiles the client to wasm and generates its JavaScript bindings, with wasm-bindgen as a library so that its version
//! is the one that Cargo.lock names.

use crate::{command::Program, project, setup::wasm_std, step::Step};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;

/// `core.js` and `core_bg.wasm`; the loaders of `pkg-template` import these names.
pub const OUT_NAME: &str = "core";

/// Builds the client with the profile `wasm`, or `wasm-dev` for quick turns; cargo decides whether anything is to do.
///
/// # Errors
/// When it does not compile, or there is no std for wasm32.
pub fn compile(dev: bool, step: &Step) -> Result<PathBuf> {
    let profile = if dev { "wasm-dev" } else { "wasm" };
    let std = wasm_std::ensure(step)?;
    let cargo = Program::cargo().args(["build", "--package", "jetway", "--lib", "--profile", profile]);
    std.apply(cargo.args(["--target", wasm_std::TARGET])).run(step)?;
    let wasm = project::target().join(wasm_std::TARGET).join(profile).join("jetway.wasm");
    let bytes =
        std::fs::metadata(&wasm).with_context(|| format!("cargo did not leave {}", project::shown(&wasm)))?.len();
    step.note(super::sizes::kilobytes(bytes));
    Ok(wasm)
}

/// Writes the bindings and returns their folder.
///
/// # Errors
/// When the wasm was built by another version of wasm-bindgen than ours.
pub fn bind(wasm: &Path, step: &Step) -> Result<PathBuf> {
    let out = project::target().join("npm/bound");
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    Bindgen::new()
        .web(true)?
        .input_path(wasm)
        .out_name(OUT_NAME)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        // The loaders know where the wasm is; a `new URL` here would make every bundler look for it a second time.
        .omit_default_module_path(true)
        .generate(&out)
        .context("wasm-bindgen cannot process the core")?;
    step.note(format!("{OUT_NAME}.js, {OUT_NAME}_bg.wasm"));
    Ok(out)
}
