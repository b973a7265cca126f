//! A shell in a terminal. Must not know: what shows it.

use bytes::Bytes;
use futures::{SinkExt, channel::mpsc};

use super::{Process, ProcessOutput, ProcessResult, StdinWriter, TerminalSize};
use crate::error::{Error, ErrorKind};

/// A process in a terminal: raw bytes both ways, and a size.
pub struct TerminalSession {
    process: Process,
    output: Option<ProcessOutput>,
    input: Option<StdinWriter>,
    resizes: Option<mpsc::Sender<TerminalSize>>,
}

impl TerminalSession {
    pub(crate) fn new(mut process: Process) -> Self {
        let (output, input, resizes) = (process.stdout(), process.stdin(), process.resizes());
        Self { process, output, input, resizes }
    }

    /// What the terminal shows, raw. `None` when it was taken before.
    pub fn output(&mut self) -> Option<ProcessOutput> {
        self.output.take()
    }

    /// Types into the terminal.
    ///
    /// # Errors
    /// Not running, when the process has ended or its input was closed.
    pub async fn write(&mut self, data: impl Into<Bytes>) -> Result<(), Error> {
        let closed = || Error::new(ErrorKind::SandboxNotRunning, "the terminal's input is closed");
        self.input.as_mut().ok_or_else(closed)?.write(data).await
    }

    /// The writer itself, to type from elsewhere. `None` when it was taken before.
    pub fn input(&mut self) -> Option<StdinWriter> {
        self.input.take()
    }

    /// Gives the terminal another size.
    ///
    /// # Errors
    /// Validation for a size of zero; not running, when the process has ended.
    pub async fn resize(&mut self, size: TerminalSize) -> Result<(), Error> {
        if size.cols == 0 || size.rows == 0 {
            return Err(Error::invalid("tty", "columns and rows must be at least 1"));
        }
        let ended = || Error::new(ErrorKind::SandboxNotRunning, "the terminal's process has ended");
        self.resizes.as_mut().ok_or_else(ended)?.send(size).await.map_err(|_| ended())
    }

    /// Waits for the process's result. Output that nobody took is discarded; input stays open while the session lives.
    ///
    /// # Errors
    /// Whatever kept the process from being followed to its end.
    pub async fn result(&mut self) -> Result<ProcessResult, Error> {
        self.output = None;
        self.process.result().await
    }

    /// Hangs up; the server kills the process group.
    pub fn cancel(&self) {
        self.process.cancel();
    }
}
