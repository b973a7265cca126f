//! Installs Debian's packages, where this is Debian and we may. Must not know what they are for.

use crate::{command::Program, step::Step, tools};
use anyhow::{Result, bail};
use std::time::Duration;

/// Installs `package`.
///
/// # Errors
/// When this machine has no apt-get, when only root may, or when apt-get fails; each says what to run.
pub fn install(package: &str, by_hand: &str, step: &Step) -> Result<()> {
    if tools::on_path("apt-get").is_none() {
        bail!("{package} is missing, and there is no apt-get to install it\n  what to do: {by_hand}");
    }
    apt_get(&["update"], package, by_hand)?.limit(Duration::from_secs(300)).run(step)?;
    let install = ["install", "--yes", "--no-install-recommends", package];
    apt_get(&install, package, by_hand)?.limit(Duration::from_secs(900)).run(step).map(drop)
}

fn apt_get(args: &[&str], package: &str, by_hand: &str) -> Result<Program> {
    let program = if rustix::process::geteuid().is_root() {
        Program::new("apt-get")
    } else if tools::on_path("sudo").is_some() {
        Program::new("sudo").args(["-n", "apt-get"])
    } else {
        bail!("{package} is missing, and only root can install it\n  what to do: as root, apt-get install {package}");
    };
    let hint = format!("as root, apt-get update && apt-get install {package}; or {by_hand}");
    Ok(program.args(args).env("DEBIAN_FRONTEND", "noninteractive").hint(hint))
}
