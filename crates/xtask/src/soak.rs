//! `cargo xtask soak`: proofs that take too long for every change. The same tests as in `test`, asked for more.

use crate::{command::Program, step};
use anyhow::{Result, ensure};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30 * 60);

/// What is proven, by which tests, and what makes them long.
const PROOFS: &[(&str, &[&str], (&str, &str))] = &[(
    "a followed log through a thousand disconnects at random bytes",
    &["-p", "jetway", "--test", "behaviour", "is_cut_at_random_bytes"],
    ("JETWAY_CUTS", "1000"),
)];

/// Runs them one after the other.
///
/// # Errors
/// When one fails.
pub fn run() -> Result<()> {
    for (what, arguments, (name, value)) in PROOFS {
        step::run(what, |step| {
            let program = Program::cargo().args(["test", "--release", "--quiet"]).args(*arguments);
            let finished = program.args(["--", "--nocapture"]).env(name, *value).limit(LIMIT).finish(step)?;
            ensure!(finished.status.success(), finished.complaint("failed"));
            for line in finished.lines.iter().filter(|line| line.contains(" cuts")) {
                step.note(line.clone());
            }
            Ok(())
        })?;
    }
    Ok(())
}
