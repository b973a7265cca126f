//! A Python environment of our own with other people's clients in it, for `tests/peers/`.

use crate::{command::Program, fingerprint::Fingerprint, project, step::Step};
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

/// The packages and their versions, beside the tests that need them.
pub const REQUIREMENTS: &str = "tests/peers/requirements.txt";

/// Makes the environment where it is missing and returns its Python.
///
/// # Errors
/// When Python 3 or its venv module is missing, or pip fails.
pub fn ensure(step: &Step) -> Result<PathBuf> {
    let dir = project::target().join("peers-venv");
    let python = dir.join("bin/python");
    let requirements = project::root().join(REQUIREMENTS);
    let want = Fingerprint::default().path(&requirements)?;
    let stamp = dir.join(".jetway-requirements");
    if want.matches(&stamp) && python.is_file() {
        step.note(format!("as {REQUIREMENTS} says"));
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
    step.note(format!("installed {REQUIREMENTS}"));
    Ok(python)
}
