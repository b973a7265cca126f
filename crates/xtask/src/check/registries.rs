//! What would go to the registries, packed as for them and not sent: a file that is missing, or metadata that they refuse,
//! shows here and not on the day of a release.

use crate::{command::Program, project, step::Step, tools};
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

/// Whose public API the crates' is held against until there is a release.
const BASELINE: &str = "e3cd0d9b4b4bc6b345f9fb854f09b39f19d24eb2";

/// The public API of the crates beside what was last released, as semantic versioning sees it. They come from no registry
/// yet, so the baseline is a revision of this repository: the newest release tag, and before there is one [`BASELINE`].
///
/// # Errors
/// When something that was there is gone or changed, and the version does not say so.
pub fn semver(step: &Step) -> Result<()> {
    if tools::on_path("cargo-semver-checks").is_none() {
        step.note("not checked: `cargo-semver-checks` is not installed (cargo install cargo-semver-checks)");
        return Ok(());
    }
    let tagged = Program::new("git").args(["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"]).finish(step)?;
    let newest = tagged.lines.first().filter(|_| tagged.status.success());
    let baseline = newest.map_or(BASELINE, String::as_str);
    for name in CRATES {
        let cargo = Program::cargo().args(["semver-checks", "--package", name, "--baseline-rev", baseline]);
        cargo.hint("raise the version in Cargo.toml, or keep what was there").run(step)?;
    }
    step.note(format!("beside {baseline}"));
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
