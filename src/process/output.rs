//! What a process's stream says, as a pure state machine: ready, output, then an exit or an error.
//! Must not know: who reads the output, I/O.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    error::{CallContext, Error, ErrorKind, Operation, ReasonInfo},
    wire::{
        self,
        exec_stream_output::Stream,
        jetway::v1::{TerminalAttached, TerminalResponse, terminal_response::Message},
    },
};

/// Which of a process's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output, or a terminal's.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Something that happened to a process.
#[derive(Debug, Clone)]
pub enum ExecEvent {
    /// It runs and takes input.
    Ready,
    /// It printed something.
    Output(OutputStream, Bytes),
    /// It ended with this code; nothing follows.
    Exit(i32),
    /// It runs in a terminal that is kept.
    Attached(Attached),
    /// So many bytes that a terminal printed are gone.
    Dropped(u64),
    /// The server is there.
    Pong,
}

/// What a server says of a kept terminal when somebody connects to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its name.
    pub id: String,
    /// Whether it was started now.
    pub started: bool,
    /// Where the output that follows begins: bytes from its start.
    pub offset: u64,
    /// How long it waits for somebody to come back.
    pub keep: Duration,
}

impl From<TerminalAttached> for Attached {
    fn from(attached: TerminalAttached) -> Self {
        let TerminalAttached { terminal_id: id, started, offset, keep } = attached;
        let keep = keep.and_then(|keep| keep.try_into().ok()).unwrap_or_default();
        Self { id, started, offset, keep }
    }
}

/// What is known about a process so far.
///
/// Feed it every message ([`accept_encoded`](Self::accept_encoded)), or tell it of output that took a faster way
/// ([`note_output`](Self::note_output)); ask it at the end what the end means ([`finish`](Self::finish)).
#[derive(Debug, Clone)]
pub struct OutputState {
    context: CallContext,
    ready: bool,
    exit: Option<i32>,
    stdout_bytes: u64,
    stderr_bytes: u64,
}

impl OutputState {
    /// A process that has not said anything yet.
    pub fn new(sandbox_id: impl Into<String>) -> Self {
        let context = CallContext::on(Operation::StreamExec, sandbox_id);
        Self { context, ready: false, exit: None, stdout_bytes: 0, stderr_bytes: 0 }
    }

    /// Whether it takes input.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Its exit code, once it ended.
    pub fn exit_code(&self) -> Option<i32> {
        self.exit
    }

    /// How much it printed, kept or not.
    pub fn bytes(&self, stream: OutputStream) -> u64 {
        match stream {
            OutputStream::Stdout => self.stdout_bytes,
            OutputStream::Stderr => self.stderr_bytes,
        }
    }

    /// Takes an encoded message, without its gRPC envelope.
    ///
    /// # Errors
    /// Protocol for bytes that are no such message; otherwise what the message reports.
    pub fn accept_encoded(&mut self, message: Bytes) -> Result<Option<ExecEvent>, Error> {
        let message = prost::Message::decode(message)
            .map_err(|cause| self.broken("the server sent a message that is none").with_source(cause))?;
        self.accept(message)
    }

    /// Takes the next message. `None` is a message with nothing to act on.
    ///
    /// # Errors
    /// Execution, stream backpressure, stream truncated or command timeout as the server reports it.
    pub(crate) fn accept(&mut self, message: TerminalResponse) -> Result<Option<ExecEvent>, Error> {
        if self.exit.is_some() {
            return Ok(None);
        }
        Ok(match message.message {
            Some(Message::Ready(_)) => {
                self.ready = true;
                Some(ExecEvent::Ready)
            }
            Some(Message::Output(output)) if output.data.is_empty() => None,
            Some(Message::Output(output)) => {
                let stream = match output.stream() {
                    Stream::Stderr => OutputStream::Stderr,
                    Stream::Stdout | Stream::Unspecified => OutputStream::Stdout,
                };
                self.note_output(stream, output.data.len());
                Some(ExecEvent::Output(stream, output.data))
            }
            Some(Message::Exit(exit)) => {
                self.exit = Some(exit.exit_code);
                Some(ExecEvent::Exit(exit.exit_code))
            }
            Some(Message::Error(error)) => return Err(self.reported(error)),
            Some(Message::Attached(attached)) => Some(ExecEvent::Attached(attached.into())),
            Some(Message::Dropped(dropped)) => Some(ExecEvent::Dropped(dropped.bytes)),
            Some(Message::Pong(_)) => Some(ExecEvent::Pong),
            None => None,
        })
    }

    /// Counts output that did not come through [`accept_encoded`](Self::accept_encoded).
    pub fn note_output(&mut self, stream: OutputStream, len: usize) {
        match stream {
            OutputStream::Stdout => self.stdout_bytes += len as u64,
            OutputStream::Stderr => self.stderr_bytes += len as u64,
        }
    }

    /// What follows comes over another connection to the same terminal.
    pub(crate) fn reconnected(&mut self) {
        self.ready = false;
    }

    /// What the end of the stream means: the exit code, or why there is none.
    ///
    /// # Errors
    /// `failure`, if the process had not exited before it; protocol, if the stream ended without exit or error.
    pub fn finish(&self, failure: Option<Error>) -> Result<i32, Error> {
        match (self.exit, failure) {
            (Some(code), _) => Ok(code),
            (None, Some(error)) => Err(error.in_call(&self.context)),
            (None, None) => Err(self.broken("the stream of the process ended without its exit code")),
        }
    }

    fn broken(&self, message: &str) -> Error {
        Error::new(ErrorKind::Protocol, message).in_call(&self.context)
    }

    fn reported(&self, error: wire::ExecStreamError) -> Error {
        let kind = match error.code.as_str() {
            "STREAM_BACKPRESSURE" => ErrorKind::StreamBackpressure,
            "STREAM_TRUNCATED" => ErrorKind::StreamTruncated,
            code => ReasonInfo::of(code).map_or(ErrorKind::SandboxExecution, |row| row.kind),
        };
        let message = match error.message.is_empty() {
            true => "the process could not be followed to its end".to_owned(),
            false => error.message,
        };
        Error::new(kind, message).with_reason(error.code).in_call(&self.context)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{ExecEvent, OutputState, OutputStream};
    use crate::{
        error::{Error, ErrorKind},
        wire::{
            self,
            jetway::v1::{TerminalResponse, terminal_response::Message},
        },
    };

    fn message(message: Message) -> TerminalResponse {
        TerminalResponse { message: Some(message) }
    }

    fn output(stream: i32, data: &'static [u8]) -> TerminalResponse {
        message(Message::Output(wire::ExecStreamOutput { stream, data: Bytes::from_static(data) }))
    }

    fn exit(exit_code: i32) -> TerminalResponse {
        message(Message::Exit(wire::ExecStreamExit { exit_code, completed_time: None }))
    }

    #[test]
    fn output_is_counted_by_stream_and_an_unknown_stream_is_stdout() {
        let mut state = OutputState::new("sb");
        for stream in [1, 0, 7] {
            let event = state.accept(output(stream, b"ab")).unwrap();
            assert!(matches!(event, Some(ExecEvent::Output(OutputStream::Stdout, _))), "{event:?}");
        }
        let event = state.accept(output(2, b"e")).unwrap();
        assert!(matches!(event, Some(ExecEvent::Output(OutputStream::Stderr, _))), "{event:?}");
        assert_eq!((state.bytes(OutputStream::Stdout), state.bytes(OutputStream::Stderr)), (6, 1));
    }

    #[test]
    fn an_end_without_exit_is_an_error_and_a_failure_after_the_exit_is_not() {
        let mut state = OutputState::new("sb");
        assert_eq!(state.finish(None).unwrap_err().kind(), ErrorKind::Protocol);
        state.accept(exit(3)).unwrap();
        assert_eq!(state.finish(None).unwrap(), 3);
        assert_eq!(state.finish(Some(Error::new(ErrorKind::Network, "late"))).unwrap(), 3);
        assert!(state.accept(output(1, b"late")).unwrap().is_none());
    }

    #[test]
    fn reported_errors_are_typed_by_their_code() {
        let kind = |code: &str| {
            let error = wire::ExecStreamError { message: String::new(), code: code.to_owned() };
            let error = OutputState::new("sb").accept(message(Message::Error(error))).unwrap_err();
            assert_eq!(error.reason(), Some(code).filter(|code| !code.is_empty()));
            error.kind()
        };
        assert_eq!(kind("STREAM_BACKPRESSURE"), ErrorKind::StreamBackpressure);
        assert_eq!(kind("STREAM_TRUNCATED"), ErrorKind::StreamTruncated);
        assert_eq!(kind("CWSANDBOX_SANDBOX_NOT_RUNNING"), ErrorKind::SandboxNotRunning);
        assert_eq!(kind("SOMETHING_NEW"), ErrorKind::SandboxExecution);
        assert_eq!(kind(""), ErrorKind::SandboxExecution);
    }

    #[test]
    fn bytes_that_are_no_message_break_the_protocol() {
        let error = OutputState::new("sb").accept_encoded(Bytes::from_static(b"\xff\xff")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}
