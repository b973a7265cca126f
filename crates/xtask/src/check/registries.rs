//! What would go to the registries, packed as for them and not sent: a file that is missing, or metadata that they refuse,
//! shows here and not on the day of a release.

use crate::{command::Program, project, step::Step};
use anyhow::Result;

/// The crates that are published.
const CRATES: &[&str] = &["jetway"];

/// The crates, as `cargo publish` packs them. That they compile is what the other checks say.
///
/// # Errors
/// When one cannot be packed.
pub fn crates(step: &Step) -> Result<()> {
    for name in CRATES {
        // What is not committed yet is packed too: whoever checks is about to commit it.
        let cargo = Program::cargo().args(["publish", "--dry-run", "--no-verify", "--allow-dirty", "--package", name]);
        cargo.run(step)?;
    }
    Ok(())
}

/// The npm package, as `npm pack` packs it.
///
/// # Errors
/// When it cannot be packed.
pub fn npm(step: &Step) -> Result<()> {
    if !project::npm_package().join("package.json").is_file() {
        step.note("not checked: the package is not built (cargo xtask package)");
        return Ok(());
    }
    Program::new("npm").args(["pack", "--dry-run", "--silent"]).dir(project::npm_package()).run(step).map(drop)
}
