//! A Chromium for the browser tests and the demo: the machine's own, else Debian's package.

use super::debian;
use crate::{step::Step, tools};
use anyhow::{Result, bail};
use std::path::PathBuf;

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
    debian::install("chromium", BY_HAND, step)?;
    match tools::chromium() {
        Some(found) => {
            step.note(format!("installed {}", found.display()));
            Ok(found)
        }
        None => bail!("apt-get installed chromium, but no executable of it is on the PATH\n  what to do: {BY_HAND}"),
    }
}
