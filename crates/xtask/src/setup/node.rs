//! Node and the npm packages of a folder, exactly as its lock file says.

use crate::{command::Program, fingerprint::Fingerprint, project, step::Step};
use anyhow::{Context, Result, bail};
use std::time::Duration;

/// The oldest Node that the tests and the tools run on.
const OLDEST: u32 = 20;

/// Refuses a machine without a usable Node, before anything else fails for that reason.
///
/// # Errors
/// When Node is missing or too old.
pub fn check(step: &Step) -> Result<()> {
    let hint = format!("install Node {OLDEST} or newer with npm, then repeat");
    let version = Program::new("node").arg("--version").hint(hint.as_str()).run(step)?.text();
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST) {
        bail!("Node is {version}\n  what to do: {hint}");
    }
    step.note(version.trim());
    Ok(())
}

/// `npm ci` in `folder`, unless that is done already for this lock file.
///
/// # Errors
/// When npm fails.
pub fn packages(folder: &str, step: &Step) -> Result<()> {
    let dir = project::root().join(folder);
    let lock = dir.join("package-lock.json");
    if !lock.is_file() {
        bail!("{folder}/package-lock.json is missing\n  what to do: git checkout -- {folder}");
    }
    let want = Fingerprint::default().path(&lock)?;
    let stamp = dir.join("node_modules/.jetway-lock");
    if want.matches(&stamp) {
        step.note("as the lock file says");
        return Ok(());
    }
    Program::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
        .dir(&dir)
        .limit(Duration::from_secs(600))
        .hint("check that npm reaches its registry (npm ping), then repeat")
        .run(step)?;
    let installed = std::fs::read_dir(dir.join("node_modules")).context("npm ci left no node_modules")?.count();
    step.note(format!("installed {installed} folders by lock file"));
    want.keep(&stamp)
}
