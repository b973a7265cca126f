//! What goes into a process: bounded, in chunks, after it says that it is ready.
//! Must not know: which transport carries it.

use bytes::Bytes;
use futures::{SinkExt, channel::mpsc};
use prost::Message;

use super::TerminalSize;
use crate::{
    error::{Error, ErrorKind},
    wire::{
        self,
        jetway::v1::{TerminalPing, TerminalRequest, terminal_request::Message as Frame},
    },
};

/// The largest piece of stdin that one frame carries.
pub const STDIN_CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that wait before a writer has to.
const QUEUE: usize = 16;

/// Something for a running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StdinFrame {
    /// Bytes, at most [`STDIN_CHUNK_BYTES`] of them.
    Data(Bytes),
    /// Its terminal has another size.
    Resize(TerminalSize),
    /// End of file.
    Close,
    /// Asks a kept terminal's server whether it is there.
    Ping,
}

impl StdinFrame {
    /// The message, encoded and without its gRPC envelope.
    pub fn encode(self) -> Bytes {
        Bytes::from(self.into_message().encode_to_vec())
    }

    pub(crate) fn into_message(self) -> TerminalRequest {
        let message = match self {
            Self::Data(data) => Frame::Stdin(data),
            Self::Resize(TerminalSize { cols, rows }) => {
                Frame::Resize(wire::ExecStreamResize { width: cols.into(), height: rows.into() })
            }
            Self::Close => Frame::Close(wire::ExecStreamClose {}),
            Self::Ping => Frame::Ping(TerminalPing {}),
        };
        TerminalRequest { message: Some(message) }
    }
}

/// Writes to a process. Dropping it is end of file.
pub struct StdinWriter {
    pub(super) chunks: mpsc::Sender<Bytes>,
}

impl StdinWriter {
    pub(super) fn new() -> (Self, mpsc::Receiver<Bytes>) {
        let (chunks, receiver) = mpsc::channel(QUEUE);
        (Self { chunks }, receiver)
    }

    /// Writes bytes; waits while about a mebibyte is under way. Returning does not mean that the process has read them.
    ///
    /// # Errors
    /// Not running, when the process has ended.
    pub async fn write(&mut self, data: impl Into<Bytes>) -> Result<(), Error> {
        let mut data = data.into();
        while !data.is_empty() {
            let chunk = data.split_to(data.len().min(STDIN_CHUNK_BYTES));
            let ended = |_| Error::new(ErrorKind::SandboxNotRunning, "the process has ended and reads no more");
            self.chunks.send(chunk).await.map_err(ended)?;
        }
        Ok(())
    }

    /// Writes text and a line end.
    ///
    /// # Errors
    /// Not running, when the process has ended.
    pub async fn write_line(&mut self, text: &str) -> Result<(), Error> {
        self.write(format!("{text}\n")).await
    }

    /// Ends the process's input.
    pub fn close(self) {}
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::{StreamExt, executor::block_on, future::join};

    use super::{STDIN_CHUNK_BYTES, StdinWriter};
    use crate::error::ErrorKind;

    #[test]
    fn a_large_write_goes_in_chunks() {
        let (mut writer, mut receiver) = StdinWriter::new();
        let writing = async {
            writer.write(vec![7; 3 * STDIN_CHUNK_BYTES + 1]).await.unwrap();
            writer.close();
        };
        let reading = async {
            let mut sizes = Vec::new();
            while let Some(chunk) = receiver.next().await {
                sizes.push(chunk.len());
            }
            sizes
        };
        let ((), sizes) = block_on(join(writing, reading));
        assert_eq!(sizes, [STDIN_CHUNK_BYTES, STDIN_CHUNK_BYTES, STDIN_CHUNK_BYTES, 1]);
    }

    #[test]
    fn writing_to_an_ended_process_is_an_error() {
        let (mut writer, receiver) = StdinWriter::new();
        drop(receiver);
        let error = block_on(writer.write(Bytes::from_static(b"x"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxNotRunning);
    }
}
