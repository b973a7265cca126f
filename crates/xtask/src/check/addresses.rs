//! No address of a package registry, no path of one machine, no lock file that pins where packages come from.
//! What is tracked must work behind any mirror and in any folder.

use crate::{command::Program, project, step::Step};
use anyhow::{Result, bail};

/// Hosts, each in two parts so that this list is not its own finding. What names packages for people is fine.
const HOSTS: &[(&str, &str)] = &[
    ("registry.npm", "js.org"),
    ("registry.yarn", "pkg.com"),
    ("deb.deb", "ian.org"),
    ("static.rust-", "lang.org"),
    ("index.crates", ".io"),
    ("files.python", "hosted.org"),
    ("pypi.org/", "simple"),
    ("proxy.gol", "ang.org"),
];

/// Searches what git tracks.
///
/// # Errors
/// When something is found, with file and line.
pub fn check(step: &Step) -> Result<()> {
    let mut found = Vec::new();
    let mut patterns: Vec<String> = HOSTS.iter().map(|(a, b)| format!("{a}{b}")).collect();
    patterns.push(format!("{}/", project::root().display()));
    patterns.push(format!("../{}/", "shared"));
    let all = patterns.iter().flat_map(|pattern| ["-e", pattern.as_str()]);
    found.extend(grep(Program::new("git").args(["grep", "-n", "-I", "--fixed-strings"]).args(all), step)?);
    let locks = ["-e", "\"resolved\":", "--", "*package-lock.json"];
    found.extend(grep(Program::new("git").args(["grep", "-n", "-I", "--fixed-strings"]).args(locks), step)?);
    if !found.is_empty() {
        bail!(
            "{} lines name a registry or a path of one machine:\n  {}\n  what to do: remove them; for lock files: \
             npm install --package-lock-only --omit-lockfile-registry-resolved",
            found.len(),
            found.join("\n  ")
        );
    }
    Ok(())
}

/// `git grep` exits with 1 when it found nothing.
fn grep(program: Program, step: &Step) -> Result<Vec<String>> {
    let finished = program.finish(step)?;
    match finished.status.code() {
        Some(0) => Ok(finished.lines),
        Some(1) => Ok(Vec::new()),
        _ => Err(finished.complaint("git grep failed")),
    }
}
