//! How a process ended. Must not know: how that was learnt.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;

use super::ExecPlan;
use crate::error::{Error, ErrorKind};

/// How a process ended and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessResult {
    /// The command as given.
    pub command: Vec<String>,
    /// Its exit code; 128 + n after signal n. -1 in the partial result of a process whose end is not known.
    pub exit_code: i32,
    /// What it printed to stdout, except what was streamed.
    pub stdout: Bytes,
    /// What it printed to stderr, except what was streamed.
    pub stderr: Bytes,
    /// Whether the middle of stdout or stderr was dropped for its size.
    pub truncated: bool,
    /// Whether its timeout ended it.
    pub timed_out: bool,
    /// From the call to its end.
    pub duration: Duration,
}

impl ProcessResult {
    /// Whether it exited with 0.
    pub fn ok(&self) -> bool {
        self.exit_code == 0
    }

    /// stdout as text; what is not UTF-8 becomes U+FFFD.
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// stderr as text; what is not UTF-8 becomes U+FFFD.
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// The result that an error carries: of a failed check whole, of a timeout or a broken stream as far as it came.
    pub fn of(error: &Error) -> Option<&Self> {
        error.payload()
    }

    /// This result, or the error that `check` makes of it.
    pub(super) fn checked(self, plan: &ExecPlan) -> Result<Self, Error> {
        if !plan.options().check || self.ok() {
            return Ok(self);
        }
        let program = self.command.first().map_or("", String::as_str);
        let mut message = format!("{program} exited with code {}", self.exit_code);
        let stderr = self.stderr_text();
        if let Some(line) = stderr.lines().rev().find(|line| !line.trim().is_empty()) {
            let shown: String = line.trim().chars().take(200).collect();
            message = format!("{message}: {shown}");
        }
        Err(Error::new(ErrorKind::SandboxExecution, message)
            .with_metadata("exit_code", self.exit_code.to_string())
            .with_payload(self))
    }
}
