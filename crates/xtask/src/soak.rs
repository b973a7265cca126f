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

/// How `soak` is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// How often a server under load is killed.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// Sandboxes that are under load while it is.
    #[arg(long, default_value_t = 100)]
    sandboxes: u32,
    /// Kill servers only, without the other proofs.
    #[arg(long)]
    kills_only: bool,
    /// Only measure so many sandboxes at a time.
    #[arg(long, value_name = "SANDBOXES")]
    scale: Option<u32>,
    /// Only measure snapshots, and the server's memory while a gigabyte passes through it.
    #[arg(long, conflicts_with = "scale")]
    storage: bool,
}

/// Runs them one after the other.
///
/// # Errors
/// When one fails.
pub fn run(options: &Options) -> Result<()> {
    if let Some(count) = options.scale {
        return measure("many sandboxes at a time", &["--scale", &count.to_string()]);
    }
    if options.storage {
        return measure("snapshots and large streams", &["--storage"]);
    }
    if !options.kills_only {
        proofs()?;
    }
    kills(options)
}

fn measure(what: &str, arguments: &[&str]) -> Result<()> {
    step::run(what, |step| {
        let cargo = Program::cargo().args(["test", "--release", "--package", "jetway-server", "--test", "soak", "--"]);
        cargo.args(arguments).limit(LIMIT).echo().run(step).map(drop)
    })
}

/// A server under load is killed at moments that nobody chose. What it had acknowledged must be there when it is back,
/// and nothing may be left in the end.
fn kills(options: &Options) -> Result<()> {
    step::run("a server under load, killed again and again", |step| {
        let cargo = Program::cargo().args(["test", "--release", "--package", "jetway-server", "--test", "soak", "--"]);
        let numbers = [options.kills.to_string(), options.sandboxes.to_string()];
        let program = cargo.args(["--kills", &numbers[0], "--sandboxes", &numbers[1]]);
        // Building, and a minute for each kill at the worst.
        program.limit(LIMIT + Duration::from_secs(60) * options.kills).echo().run(step).map(drop)
    })
}

fn proofs() -> Result<()> {
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
