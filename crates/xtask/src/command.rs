//! Runs a program for a step: shows its last line, keeps the whole output in a log, and when it fails says which
//! command failed, how, the end of its output and what to do. Must not know what the programs are for.

use crate::{children, project, step::Step};
use anyhow::{Context, Result, anyhow};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How many lines of a failed program's output the error shows.
const TAIL: usize = 30;

/// A program with its arguments, ready to run.
pub struct Program {
    command: Command,
    hint: Option<String>,
    limit: Option<Duration>,
    echo: bool,
}

/// What a program left.
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output and error, line by line as they came, without colours.
    pub lines: Vec<String>,
    /// Where the same is kept.
    pub log: PathBuf,
}

impl Program {
    /// A program by name or path, with no input, in the checkout's root.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(project::root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, hint: None, limit: None, echo: false }
    }

    /// Cargo, the one that runs us.
    pub fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            // Ours describe this crate, and would make build scripts of the crates we build rerun.
            .without_env("CARGO_MANIFEST_DIR")
            .without_env("CARGO_MANIFEST_PATH")
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Runs elsewhere than in the checkout's root.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.command.current_dir(dir.into());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Removes an environment variable.
    pub fn without_env(mut self, key: &str) -> Self {
        self.command.env_remove(key);
        self
    }

    /// What a person should do when this fails.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Ends the program when it takes longer.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Keeps every line on the screen as it comes: the output is what the step is for.
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    /// Runs it and returns what it printed.
    ///
    /// # Errors
    /// When it cannot start, exits other than 0 or takes too long.
    pub fn run(self, step: &Step) -> Result<Finished> {
        let (shown, hint) = (self.shown(), self.hint.clone());
        let tail = if self.echo { 0 } else { TAIL };
        let finished = self.finish(step)?;
        match finished.status.success() {
            true => Ok(finished),
            false => Err(failure(&format!("`{shown}` failed ({})", finished.status), &finished, tail, hint)),
        }
    }

    /// Runs it and leaves the judgement of its exit status to the caller.
    ///
    /// # Errors
    /// When it cannot start or takes too long.
    pub fn finish(mut self, step: &Step) -> Result<Finished> {
        let shown = self.shown();
        step.progress(&shown);
        let started = Instant::now();
        let hint = self.hint.take();
        let mut owned = children::spawn(&mut self.command)
            .map_err(|error| anyhow!("{error:#}{}", hint.as_ref().map(|h| advice(h)).unwrap_or_default()))?;
        let (sender, receiver) = channel();
        forward(owned.child.stdout.take(), sender.clone());
        forward(owned.child.stderr.take(), sender);

        let mut lines = Vec::new();
        let mut status = None;
        loop {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => {
                    if self.echo {
                        step.say(&line)
                    } else {
                        step.progress(&line)
                    }
                    lines.push(line);
                }
                // Its pipes may outlive it in a daemon it started: silence after its end is the end.
                Err(RecvTimeoutError::Timeout) if status.is_none() => status = owned.child.try_wait()?,
                Err(_) => break,
            }
            if let Some(limit) = self.limit.filter(|limit| started.elapsed() > *limit) {
                owned.end();
                let log = keep(step.name(), &shown, &lines)?;
                let finished = Finished { status: ExitStatus::default(), lines, log };
                return Err(failure(&format!("`{shown}` took longer than {limit:?}; ended"), &finished, TAIL, hint));
            }
        }
        let status = match status {
            Some(status) => status,
            None => owned.child.wait().with_context(|| format!("cannot wait for `{shown}`"))?,
        };
        let log = keep(step.name(), &shown, &lines)?;
        Ok(Finished { status, lines, log })
    }

    /// The command line as one could type it.
    fn shown(&self) -> String {
        let program = PathBuf::from(self.command.get_program());
        let mut text = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
        for arg in self.command.get_args().map(OsStr::to_string_lossy) {
            let quote = if arg.contains(char::is_whitespace) { "'" } else { "" };
            let _ = write!(text, " {quote}{arg}{quote}");
        }
        match text.char_indices().nth(240) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }
}

impl Finished {
    /// Everything it printed.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The error for a run that ended well and still is not what it should be.
    pub fn complaint(&self, what: &str) -> anyhow::Error {
        failure(what, self, TAIL, None)
    }
}

fn failure(what: &str, finished: &Finished, tail: usize, hint: Option<String>) -> anyhow::Error {
    let mut text = what.to_owned();
    for line in &finished.lines[finished.lines.len().saturating_sub(tail)..] {
        let _ = write!(text, "\n  | {line}");
    }
    let _ = write!(text, "\n  whole output: {}", project::shown(&finished.log));
    text.push_str(&hint.map(|hint| advice(&hint)).unwrap_or_default());
    anyhow!(text)
}

fn advice(hint: &str) -> String {
    format!("\n  what to do: {hint}")
}

fn keep(step: &str, shown: &str, lines: &[String]) -> Result<PathBuf> {
    let dir = project::target().join("xtask-logs");
    project::make_dir(&dir)?;
    let words = step.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let log = dir.join(format!("{name}.log"));
    std::fs::write(&log, format!("$ {shown}\n{}\n", lines.join("\n")))
        .with_context(|| format!("cannot write {}", project::shown(&log)))?;
    Ok(log)
}

fn forward(pipe: Option<impl Read + Send + 'static>, lines: Sender<String>) {
    let Some(pipe) = pipe else { return };
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes);
            let line = console::strip_ansi_codes(line.trim_end()).into_owned();
            if lines.send(line).is_err() {
                break;
            }
            bytes.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step;

    fn shell(script: &str) -> Program {
        Program::new("sh").args(["-c", script])
    }

    #[test]
    fn a_failure_says_what_failed_how_it_ended_and_what_to_do() {
        let outcome = step::run("test of a failure", |step| shell("echo seen >&2; exit 3").hint("try again").run(step));
        let text = format!("{:#}", outcome.err().unwrap());
        for part in ["`sh -c", "exit status: 3", "  | seen", "what to do: try again", "test-of-a-failure.log"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }

    #[test]
    fn a_program_that_takes_too_long_ends_with_all_it_started() {
        let marker = tempfile::NamedTempFile::new().unwrap();
        let script = format!("(sleep 2; echo alive > '{}') & sleep 300", marker.path().display());
        let started = Instant::now();
        let limit = Duration::from_millis(200);
        let outcome = step::run("test of a limit", |step| shell(&script).limit(limit).run(step));
        assert!(format!("{:#}", outcome.err().unwrap()).contains("took longer than"));
        assert!(started.elapsed() < Duration::from_secs(100));
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(std::fs::read_to_string(marker.path()).unwrap(), "", "its child lived on");
    }

    #[test]
    fn a_program_that_never_stops_printing_ends_too() {
        let limit = Duration::from_millis(200);
        let outcome =
            step::run("test of a flood", |step| shell("while :; do echo x; sleep 0.01; done").limit(limit).run(step));
        assert!(format!("{:#}", outcome.err().unwrap()).contains("took longer than"));
    }

    #[test]
    fn a_daemon_that_holds_the_pipes_does_not_hold_us() {
        let started = Instant::now();
        let finished = step::run("test of a daemon", |step| shell("sleep 200 & echo done").run(step)).unwrap();
        assert_eq!(finished.lines, ["done"]);
        assert!(started.elapsed() < Duration::from_secs(100));
    }

    #[test]
    fn colours_are_not_part_of_the_output() {
        let finished =
            step::run("test of colours", |step| shell("printf '\\033[31mred\\033[0m\\n'").run(step)).unwrap();
        assert_eq!(finished.text(), "red");
    }
}
