//! Python environments of our own, each made from a file of pinned packages.

use crate::{command::Program, fingerprint::Fingerprint, project, step::Step};
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

/// Other people's clients and gateways, beside the tests that need them.
pub const PEERS: &str = "tests/peers/requirements.txt";

/// What looks at the sources: the `reuse` tool.
pub const TOOLS: &str = "tests/tools/requirements.txt";

/// Makes the environment with other people's clients where it is missing and returns its Python.
///
/// # Errors
/// When Python 3 or its venv module is missing, or pip fails.
pub fn ensure(step: &Step) -> Result<PathBuf> {
    environment("peers-venv", PEERS, step)
}

/// Makes the environment with tools where it is missing and returns its Python.
///
/// # Errors
/// As `ensure`.
pub fn tools(step: &Step) -> Result<PathBuf> {
    environment("tools-venv", TOOLS, step)
}

fn environment(name: &str, packages: &str, step: &Step) -> Result<PathBuf> {
    let dir = project::target().join(name);
    let python = dir.join("bin/python");
    let requirements = project::root().join(packages);
    let want = Fingerprint::default().path(&requirements)?;
    let stamp = dir.join(".jetway-requirements");
    if want.matches(&stamp) && python.is_file() {
        step.note(format!("as {packages} says"));
        return Ok(python);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    Program::new("python3")
        .args(["-m", "venv"])
        .arg(&dir)
        .limit(Duration::from_secs(120))
        .hint("install Python 3.9 or newer with its venv module (Debian: apt-get install python3-venv), then repeat")
        .run(step)?;
    Program::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements)
        .limit(Duration::from_secs(600))
        .hint("check that pip reaches its index, then repeat")
        .run(step)?;
    want.keep(&stamp)?;
    step.note(format!("installed {packages}"));
    Ok(python)
}
