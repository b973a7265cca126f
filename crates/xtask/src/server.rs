//! `jetway serve` for the demo: built, started on a free port with a throw-away data directory, ended with us.

use crate::{children, command::Program, project, step, tools};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(30);

/// Builds the `jetway` command.
///
/// # Errors
/// When it does not compile.
pub fn build(release: bool) -> Result<PathBuf> {
    step::run(if release { "server (release)" } else { "server (debug)" }, |step| {
        let cargo = Program::cargo().args(["build", "--package", "jetway-cli"]);
        let cargo = if release { cargo.arg("--release") } else { cargo };
        cargo.run(step)?;
        let binary = project::jetway_binary(release);
        let bytes = fs::metadata(&binary).with_context(|| format!("cargo left no {}", project::shown(&binary)))?.len();
        step.note(format!("{}, {:.1} MB", project::shown(&binary), bytes as f64 / 1e6));
        Ok(binary)
    })
}

/// A running server and what it says about itself.
pub struct Server {
    process: children::Owned,
    /// What the ready file says.
    pub ready: Ready,
    log: PathBuf,
}

/// The content of `--ready-file`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Where it listens.
    pub url: String,
    /// The credential for everything but the page.
    pub token: String,
    /// The page, with what it needs to come in.
    pub launch_url: String,
}

impl Server {
    /// Starts `binary` with its data below `dir`, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time, with the end of its log.
    pub fn start(binary: &Path, dir: &Path) -> Result<Self> {
        Self::start_as(None, binary, dir)
    }

    /// The same as another user, to whom `dir` belongs and who can reach `binary`; root only may. Limits on resources do
    /// not hold then, and the server takes them all the same.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_as(user: Option<u32>, binary: &Path, dir: &Path) -> Result<Self> {
        step::run("server starts", |step| {
            let ready_file = dir.join("ready.json");
            let log = dir.join("server.log");
            let output = fs::File::create(&log)?;
            let mut command = Command::new(binary);
            command.args(["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--data-dir"]).arg(dir.join("data"));
            command.arg("--ready-file").arg(&ready_file);
            // What it prints for people holds the token, and would end up in the log of a CI run.
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
            if let Some(id) = user {
                command.uid(id).gid(id).env("HOME", dir);
                // Without a control group of its own it would refuse, rightly, whoever asks for a limit.
                command.arg("--allow-unenforced-limits");
            }
            let mut process = children::spawn(&mut command)?;
            let deadline = Instant::now() + START_LIMIT;
            let ready: Ready = loop {
                // The file appears whole or not at all, unless we read it in the middle of a write: then read again.
                if let Some(ready) = fs::read(&ready_file).ok().and_then(|json| serde_json::from_slice(&json).ok()) {
                    break ready;
                }
                if let Some(status) = process.child.try_wait()? {
                    bail!("jetway serve ended ({status}) before it was ready\n{}", tail(&log));
                }
                if Instant::now() > deadline {
                    bail!("jetway serve was not ready after {START_LIMIT:?}\n{}", tail(&log));
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            step.note(ready.url.clone());
            Ok(Self { process, ready, log })
        })
    }

    /// Waits until the server ends or we are told to stop.
    ///
    /// # Errors
    /// When the server ends by itself.
    pub fn keep_serving(&mut self) -> Result<()> {
        while !children::interrupted() {
            if let Some(status) = self.process.child.try_wait()? {
                bail!("jetway serve ended by itself ({status})\n{}", tail(&self.log));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The end of what the server said, for the error of a step that failed against it.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }

    /// Ends it as a person would, and fails if it left anything running.
    ///
    /// # Errors
    /// When it did not end with success.
    pub fn stop(mut self) -> Result<()> {
        step::run("server stops", |_| {
            self.process.end();
            match self.process.child.try_wait()? {
                Some(status) if status.success() => Ok(()),
                status => bail!("jetway serve did not end well: {status:?}\n{}", tail(&self.log)),
            }
        })
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last: Vec<String> = lines[lines.len().saturating_sub(20)..].iter().map(|line| format!("  | {line}")).collect();
    match last.is_empty() {
        true => "the server had nothing to say".to_owned(),
        false => format!("the server's last words:\n{}", last.join("\n")),
    }
}

/// The browser to drive, or why there is none.
///
/// # Errors
/// When there is none.
pub fn browser() -> Result<PathBuf> {
    tools::chromium().context("no Chromium or Chrome found\n  what to do: cargo xtask setup")
}
