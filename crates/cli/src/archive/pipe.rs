//! Bytes between a thread that reads or writes and a task that waits. Must not know: what they are.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

/// Pieces under way.
const QUEUE: usize = 4;

/// Where a thread writes to.
pub struct Sink(mpsc::Sender<Bytes>);

/// Where a thread reads from.
pub struct Source {
    pieces: mpsc::Receiver<Bytes>,
    current: Bytes,
}

/// For a thread that writes.
pub fn sink() -> (Sink, mpsc::Receiver<Bytes>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Sink(sender), receiver)
}

/// For a thread that reads.
pub fn source() -> (mpsc::Sender<Bytes>, Source) {
    let (sender, pieces) = mpsc::channel(QUEUE);
    (sender, Source { pieces, current: Bytes::new() })
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Bytes::copy_from_slice(data)).map_err(gone)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
