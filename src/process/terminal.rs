//! A shell in a terminal. Must not know: what shows it.

use bytes::Bytes;
use futures::{SinkExt, Stream, channel::mpsc};

use super::{Keeper, Process, ProcessOutput, ProcessResult, StdinWriter, TerminalSize, TerminalState};
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

    /// Lets go of it: a kept terminal runs on and waits for somebody to come back under its [`id`](Self::id). One that is
    /// not kept runs on as long as this program does. Its result is then a cancelled error.
    pub fn detach(self) {
        self.process.detach();
    }

    /// Lets go of a kept one as [`detach`](Self::detach) does, and resolves when everything that was typed before has
    /// arrived, or cannot: for programs that end then. Drop what [`input`](Self::input) gave before, and go on reading what
    /// [`output`](Self::output) gave, or drop it too.
    pub async fn leave(self) {
        let Self { process, output, input, resizes } = self;
        drop((output, input, resizes));
        process.detached().await;
    }

    /// The name of a terminal that was asked to be kept.
    pub fn id(&self) -> Option<String> {
        self.process.keeper().map(Keeper::id)
    }

    /// Whether it outlives its connection; `None` until that is known. Servers that keep no terminals open plain ones.
    pub fn kept(&self) -> Option<bool> {
        self.process.keeper().map_or(Some(false), Keeper::kept)
    }

    /// Whether it was there before this session.
    pub fn resumed(&self) -> bool {
        self.process.keeper().is_some_and(Keeper::resumed)
    }

    /// How much of its output came, in bytes from its start: where a later session goes on.
    pub fn offset(&self) -> u64 {
        self.process.keeper().map_or(0, Keeper::offset)
    }

    /// How many bytes of its output are missing, because more was printed while nobody was connected than is kept.
    pub fn dropped(&self) -> u64 {
        self.process.keeper().map_or(0, Keeper::dropped)
    }

    /// What its connection does, from the start. `None` for one that was not asked to be kept, and when it was taken
    /// before.
    pub fn states(&self) -> Option<impl Stream<Item = TerminalState> + use<>> {
        self.process.keeper()?.states()
    }
}
