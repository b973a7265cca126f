//! A Chromium for the browser tests and the demo: the machine's own, else Debian's package.

use crate::{command::Program, step::Step, tools};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::time::Duration;

const BY_HAND: &str = "install Chromium or Chrome by hand, or set JETWAY_CHROMIUM to its executable, then repeat";

/// Finds a browser or installs one.
///
/// # Errors
/// When there is none and it cannot be installed without asking; says what to run.
pub fn ensure(step: &Step) -> Result<PathBuf> {
    if let Some(found) = tools::chromium() {
        if !found.is_file() {
            bail!("JETWAY_CHROMIUM is {}, which is not a file\n  what to do: correct or unset it", found.display());
        }
        step.note(found.display().to_string());
        return Ok(found);
    }
    if tools::on_path("apt-get").is_none() {
        bail!("no Chromium or Chrome found\n  what to do: {BY_HAND}");
    }
    apt_get(&["update"])?.limit(Duration::from_secs(300)).run(step)?;
    apt_get(&["install", "--yes", "--no-install-recommends", "chromium"])?.limit(Duration::from_secs(900)).run(step)?;
    match tools::chromium() {
        Some(found) => {
            step.note(format!("installed {}", found.display()));
            Ok(found)
        }
        None => bail!("apt-get installed chromium, but no executable of it is on the PATH\n  what to do: {BY_HAND}"),
    }
}

fn apt_get(args: &[&str]) -> Result<Program> {
    let program = if rustix::process::geteuid().is_root() {
        Program::new("apt-get")
    } else if tools::on_path("sudo").is_some() {
        Program::new("sudo").args(["-n", "apt-get"])
    } else {
        bail!(
            "no Chromium or Chrome found, and only root can install one\n  what to do: as root, apt-get install chromium"
        );
    };
    let hint = format!("as root, apt-get update && apt-get install chromium; or {BY_HAND}");
    Ok(program.args(args).env("DEBIAN_FRONTEND", "noninteractive").hint(hint))
}
