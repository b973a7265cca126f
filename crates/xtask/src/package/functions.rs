//! The part of the package that makes remote functions: a parser, a scope analyser and a serializer come with it, as one
//! module that nobody loads who does not use it. What it takes from other people is named in `THIRD-PARTY-NOTICES`.

use super::{
    assemble::{esbuild, outfile},
    elements,
};
use crate::{command::Program, project, step::Step};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The libraries in the bundle: those that its sources import, and what these import.
const LIBRARIES: &[&str] = &["acorn", "devalue", "eslint-scope", "esrecurse", "estraverse", "globals"];

/// Turns `functions.js` and the folder `function/` into one module, with the programs that run in the sandbox inside.
///
/// # Errors
/// When a source or a library is missing, or esbuild refuses the code.
pub fn write(code: &Path, package: &Path, step: &Step) -> Result<()> {
    let parts = code.join("function");
    let runners = project::root().join("src/session/runner");
    let json = read(&runners.join("json.mjs"))?;
    fs::write(parts.join("json.js"), &json)?;
    let javascript = format!("{json}\n{}", read(&runners.join("javascript.mjs"))?);
    write_text(&parts.join("runner_javascript.js"), &javascript)?;
    write_text(&parts.join("runner_python.js"), &read(&runners.join("python.py"))?)?;

    // What the sandbox needs of the serializer travels as text.
    let structured = parts.join("structured.bundle.mjs");
    bundle(&parts.join("structured.js"), &structured).run(step)?;
    write_text(&parts.join("values_text.js"), &read(&structured)?)?;

    let whole = code.join("functions.js");
    bundle(&whole, &whole).arg("--allow-overwrite").arg(external(code)).run(step)?;
    fs::remove_dir_all(&parts)?;
    notices(&package.join("THIRD-PARTY-NOTICES"))
}

fn bundle(from: &Path, to: &Path) -> Program {
    let libraries = project::root().join("tests/node_modules");
    esbuild()
        .env("NODE_PATH", libraries.as_os_str())
        .arg(from)
        .args(["--bundle", "--minify", "--format=esm", "--target=es2022"])
        .args(["--platform=neutral", "--main-fields=module,main", "--conditions=import", "--legal-comments=none"])
        .arg(outfile(to))
}

/// The error classes stay where they are, so that everybody has the same.
fn external(code: &Path) -> String {
    format!("--external:{}", code.join("errors.js").display())
}

fn notices(path: &Path) -> Result<()> {
    let mut text = String::from(
        "src/functions.js contains parts of these libraries, src/xterm.js and src/xterm_webgl.js of the last and its add-ons.\n",
    );
    for library in LIBRARIES.iter().chain([&elements::LIBRARY]) {
        let folder = project::root().join("tests/node_modules").join(library);
        let file = |name: &str| fs::read_to_string(folder.join(name)).ok();
        // One of them has its licence at the end of its README.
        let at_the_end = || file("README.md").and_then(|text| Some(text.split_once("# License")?.1.to_owned()));
        let licence = ["LICENSE", "LICENSE.BSD", "license"].into_iter().find_map(file).or_else(at_the_end);
        let licence = licence.with_context(|| format!("{} has no licence text", project::shown(&folder)))?;
        text += &format!("\n{}\n{library}\n\n{}\n", "-".repeat(80), licence.trim());
    }
    Ok(fs::write(path, text)?)
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    Ok(fs::write(path, format!("export default {};\n", serde_json::to_string(text)?))?)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", project::shown(path)))
}
