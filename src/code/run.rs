//! A run under way: its events as they come, or all of them at its end. Must not know: how it is connected.

use std::time::Duration;

use futures::{Stream, StreamExt, channel::mpsc};
use serde::Deserialize;

use super::{
    connection::Command,
    outcome::{self, CodeError, CodeResult, Done, Execution},
    protocol::{EventKind, Received},
};
use crate::{
    error::{Error, ErrorKind},
    process::{DEFAULT_MAX_BUFFER_BYTES, MiddleBuffer},
};

/// Something that a run does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RunEvent {
    /// It begins; what runs before it in the same context has ended.
    Started,
    /// It printed.
    Stdout(bytes::Bytes),
    /// It printed to standard error.
    Stderr(bytes::Bytes),
    /// It showed a value.
    Result(CodeResult),
    /// It raised.
    Error(CodeError),
    /// So much of its output was dropped, here, because nobody was attached for long.
    Gap {
        /// Bytes of stdout.
        stdout: u64,
        /// Bytes of stderr.
        stderr: u64,
        /// Results.
        results: u64,
    },
}

/// Code that runs. Dropping it interrupts the code.
pub struct Run {
    pub(super) events: mpsc::Receiver<Result<Received, Error>>,
    pub(super) interrupter: Interrupter,
    pub(super) done: Option<Done>,
}

/// Ends the code when nobody is left to see what it does.
pub(super) struct Interrupter {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) key: u64,
    pub(super) armed: bool,
}

impl Drop for Interrupter {
    fn drop(&mut self) {
        if self.armed {
            // Without a connection there is nothing to tell.
            let _ = self.commands.unbounded_send(Command::Interrupt(self.key));
        }
    }
}

impl Run {
    /// Its events as a stream. What it gives does not have the end: [`finish`](Self::finish) has.
    pub fn events(&mut self) -> impl Stream<Item = Result<RunEvent, Error>> + Unpin + '_ {
        Box::pin(futures::stream::unfold(self, |run| async move { Some((run.next().await?, run)) }))
    }

    /// Its next event; `None` after the last. Not asking for it slows the code down.
    ///
    /// # Errors
    /// Why it cannot be followed any further.
    pub async fn next(&mut self) -> Option<Result<RunEvent, Error>> {
        loop {
            if self.done.is_some() {
                return None;
            }
            let event = match self.events.next().await {
                Some(Ok(event)) => self.read(event),
                Some(Err(error)) => {
                    self.interrupter.armed = false;
                    Err(error)
                }
                None => return None,
            };
            match event {
                Ok(None) => {}
                Ok(Some(event)) => return Some(Ok(event)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn read(&mut self, event: Received) -> Result<Option<RunEvent>, Error> {
        #[derive(Deserialize)]
        struct Gap {
            stdout: u64,
            stderr: u64,
            results: u64,
        }
        Ok(Some(match event.kind {
            EventKind::Hello => return Ok(None),
            EventKind::Started => RunEvent::Started,
            EventKind::Stdout => RunEvent::Stdout(event.body),
            EventKind::Stderr => RunEvent::Stderr(event.body),
            EventKind::Display => RunEvent::Result(CodeResult::read(event)?),
            EventKind::Error => RunEvent::Error(outcome::read(&event.body)?),
            EventKind::Gap => {
                let Gap { stdout, stderr, results } = outcome::read(&event.body)?;
                RunEvent::Gap { stdout, stderr, results }
            }
            EventKind::Done => {
                self.interrupter.armed = false;
                self.done = Some(outcome::read(&event.body)?);
                return Ok(None);
            }
        }))
    }

    /// Interrupts the code; its end follows as usual.
    pub fn interrupt(&self) {
        // Without a connection there is nothing to interrupt.
        let _ = self.interrupter.commands.unbounded_send(Command::Interrupt(self.interrupter.key));
    }

    /// Waits for its end and collects what was not taken by [`next`](Self::next).
    ///
    /// # Errors
    /// Why it cannot be followed to its end. An exception of the code is no error but in the execution.
    pub async fn finish(mut self) -> Result<Execution, Error> {
        let mut stdout = MiddleBuffer::new(DEFAULT_MAX_BUFFER_BYTES);
        let mut stderr = MiddleBuffer::new(DEFAULT_MAX_BUFFER_BYTES);
        let (mut results, mut error, mut gap) = (Vec::new(), None, false);
        while let Some(event) = self.next().await {
            match event? {
                RunEvent::Started => {}
                RunEvent::Stdout(data) => stdout.push(data),
                RunEvent::Stderr(data) => stderr.push(data),
                RunEvent::Result(result) => results.push(result),
                RunEvent::Error(raised) => error = Some(raised),
                RunEvent::Gap { .. } => gap = true,
            }
        }
        let Some(Done { status, execution_count, duration_ms, restarted }) = self.done.take() else {
            return Err(Error::new(ErrorKind::Cancelled, "the code context was closed during the call"));
        };
        let truncated = gap || stdout.dropped() > 0 || stderr.dropped() > 0;
        Ok(Execution {
            stdout: stdout.into_bytes(),
            stderr: stderr.into_bytes(),
            results,
            error,
            status,
            execution_count,
            duration: Duration::try_from_secs_f64(duration_ms / 1000.0).unwrap_or_default(),
            restarted,
            truncated,
        })
    }
}
