//! The incremental framer: walks frame heads in the chunks that the network delivers and says where the payloads lie.
//!
//! A chunk is only *read where it must be*: through `read(offset, buffer)`. In wasm the chunk stays a JavaScript
//! `Uint8Array`; of a large payload nothing but its head is copied in, and the payload leaves as a pair of offsets. Small
//! payloads of one stream are merged, so that a flood of tiny messages costs one crossing per chunk.
//! Must not know: which call this is, who reads the pieces.

use bytes::Bytes;

use super::frame::{FrameError, HEAD_LEN, Head, MAX_MESSAGE_LEN};
use super::payload::{PayloadShape, SNIFF_LEN, Sniff, sniff};

/// Payload parts from this size on leave as views of their chunk; smaller ones are copied and merged.
const VIEW_MIN: usize = 4 * 1024;
/// How far to read ahead: a head after a large payload, a batch after a small one.
const AHEAD_LARGE: usize = 64;
const AHEAD_SMALL: usize = 32 * 1024;

/// What the framer found, in stream order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Payload bytes `start..end` of the chunk that was just pushed.
    View {
        /// Which stream, as the message says it.
        tag: u32,
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// Merged small payloads of one stream.
    Merged {
        /// Which stream, as the messages say it.
        tag: u32,
        /// The bytes; only borrowed, the buffer is used again.
        data: &'a [u8],
    },
    /// A message without payload, one that was not recognised, or the fields behind a flat payload: to be decoded.
    Message(Bytes),
    /// A block of header-like lines: the trailers, or first the headers over a WebSocket.
    Block(Bytes),
}

/// Splits one response stream into [`Piece`]s.
#[derive(Debug)]
pub struct Framer {
    shape: PayloadShape,
    limit: usize,
    state: State,
    /// The start of a frame, or a message being gathered, when a chunk ended inside it.
    held: Vec<u8>,
    merged: Vec<u8>,
    merged_tag: u32,
    window: Vec<u8>,
    ahead: usize,
    /// Header-like blocks that may still come: one, or two where the headers are a block too.
    blocks_left: u8,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Start,
    Payload { tag: u32, left: usize, tail: usize },
    Gather { left: usize, block: bool },
    Ended,
}

enum Decision {
    More,
    Payload { skip: usize, tag: u32, len: usize, tail: usize },
    Gather { len: usize, block: bool },
}

impl Framer {
    /// A framer for a response body whose only block is the trailers (gRPC-web over fetch, or HTTP/2 without any).
    #[must_use]
    pub fn new(shape: PayloadShape) -> Self {
        Self {
            shape,
            limit: MAX_MESSAGE_LEN,
            state: State::Start,
            held: Vec::new(),
            merged: Vec::new(),
            merged_tag: 0,
            window: Vec::new(),
            ahead: AHEAD_LARGE,
            blocks_left: 1,
        }
    }

    /// A framer for `grpc-websockets`, where a block with the headers comes first.
    #[must_use]
    pub fn with_header_block(shape: PayloadShape) -> Self {
        Self { blocks_left: 2, ..Self::new(shape) }
    }

    /// Takes the next chunk of `len` bytes, readable through `read`, and emits what it completes.
    ///
    /// # Errors
    /// [`FrameError`] when the bytes are not the agreed protocol; the framer is then of no further use.
    pub fn push(
        &mut self,
        len: usize,
        mut read: impl FnMut(usize, &mut [u8]),
        mut emit: impl FnMut(Piece<'_>),
    ) -> Result<(), FrameError> {
        let mut window = std::mem::take(&mut self.window);
        let mut chunk = Chunk { len, read: &mut read, window: &mut window, start: 0, ahead: self.ahead };
        chunk.window.clear();
        let outcome = self.walk(&mut chunk, &mut emit);
        self.ahead = chunk.ahead;
        self.window = window;
        self.flush(&mut emit);
        outcome
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside a frame. A stream that ends between frames without a trailer block is no error
    /// here: HTTP/2 has its trailers elsewhere, and elsewhere the caller knows that none came.
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.state {
            State::Start if self.held.is_empty() => Ok(()),
            State::Ended => Ok(()),
            _ => Err(FrameError::Truncated),
        }
    }

    fn walk(&mut self, chunk: &mut Chunk<'_>, emit: &mut impl FnMut(Piece<'_>)) -> Result<(), FrameError> {
        let mut at = 0;
        while at < chunk.len {
            match self.state {
                State::Start => at = self.start(chunk, at, emit)?,
                State::Payload { tag, left, tail } => {
                    let n = left.min(chunk.len - at);
                    self.payload(chunk, at, n, tag, emit);
                    at += n;
                    self.state = match (left - n, tail) {
                        (0, 0) => State::Start,
                        (0, tail) => State::Gather { left: tail, block: false },
                        (left, tail) => State::Payload { tag, left, tail },
                    };
                }
                State::Gather { left, block } => {
                    let n = left.min(chunk.len - at);
                    chunk.append(at, n, &mut self.held);
                    at += n;
                    self.state = State::Gather { left: left - n, block };
                    if left == n {
                        self.complete(block, emit);
                    }
                }
                State::Ended => return Err(FrameError::AfterTrailers),
            }
        }
        Ok(())
    }

    /// Decides what the frame at `at` is; returns where to go on.
    fn start(
        &mut self,
        chunk: &mut Chunk<'_>,
        at: usize,
        emit: &mut impl FnMut(Piece<'_>),
    ) -> Result<usize, FrameError> {
        let before = self.held.len();
        let visible = chunk.peek(at, HEAD_LEN + SNIFF_LEN - before);
        let decision = if before == 0 {
            self.decide(visible)?
        } else {
            self.held.extend_from_slice(visible);
            self.decide(&self.held)?
        };
        let taken = visible.len();
        match decision {
            Decision::More => {
                if before == 0 {
                    self.held.extend_from_slice(visible);
                }
                Ok(at + taken)
            }
            Decision::Payload { skip, tag, len, tail } => {
                self.held.clear();
                self.state = match (len, tail) {
                    (0, 0) => State::Start,
                    (0, tail) => State::Gather { left: tail, block: false },
                    (left, tail) => State::Payload { tag, left, tail },
                };
                Ok(at + skip - before)
            }
            Decision::Gather { len, block } => {
                // Of the message itself, `held` may already have some bytes; keep those, read the rest from the chunk.
                let kept = before.saturating_sub(HEAD_LEN);
                self.held.truncate(before);
                self.held.drain(..before.min(HEAD_LEN));
                self.state = State::Gather { left: len - kept, block };
                if len == kept {
                    self.complete(block, emit);
                }
                Ok(at + HEAD_LEN.saturating_sub(before))
            }
        }
    }

    fn decide(&self, start: &[u8]) -> Result<Decision, FrameError> {
        let Some((head, message)) = start.split_first_chunk::<HEAD_LEN>() else { return Ok(Decision::More) };
        let Head { block, len } = Head::parse(*head, self.limit)?;
        if block {
            return Ok(Decision::Gather { len, block });
        }
        Ok(match sniff(self.shape, message, len) {
            Sniff::Found(found) => {
                Decision::Payload { skip: HEAD_LEN + found.skip, tag: found.tag, len: found.len, tail: found.tail }
            }
            Sniff::More => Decision::More,
            Sniff::Unknown => Decision::Gather { len, block },
        })
    }

    fn payload(&mut self, chunk: &mut Chunk<'_>, at: usize, n: usize, tag: u32, emit: &mut impl FnMut(Piece<'_>)) {
        if n >= VIEW_MIN {
            self.flush(emit);
            chunk.ahead = AHEAD_LARGE;
            emit(Piece::View { tag, start: at, end: at + n });
            return;
        }
        if tag != self.merged_tag {
            self.flush(emit);
            self.merged_tag = tag;
        }
        chunk.ahead = AHEAD_SMALL;
        chunk.append(at, n, &mut self.merged);
    }

    fn complete(&mut self, block: bool, emit: &mut impl FnMut(Piece<'_>)) {
        self.flush(emit);
        let bytes = Bytes::from(std::mem::take(&mut self.held));
        self.state = State::Start;
        if !block {
            return emit(Piece::Message(bytes));
        }
        self.blocks_left -= 1;
        if self.blocks_left == 0 {
            self.state = State::Ended;
        }
        emit(Piece::Block(bytes));
    }

    fn flush(&mut self, emit: &mut impl FnMut(Piece<'_>)) {
        if !self.merged.is_empty() {
            emit(Piece::Merged { tag: self.merged_tag, data: &self.merged });
            self.merged.clear();
        }
    }
}

/// One chunk, read through a window so that neighbouring small reads are one.
struct Chunk<'a> {
    len: usize,
    read: &'a mut dyn FnMut(usize, &mut [u8]),
    window: &'a mut Vec<u8>,
    start: usize,
    ahead: usize,
}

impl Chunk<'_> {
    /// Up to `n` bytes from `at`; fewer only at the end of the chunk.
    fn peek(&mut self, at: usize, n: usize) -> &[u8] {
        let end = (at + n).min(self.len);
        if at < self.start || end > self.start + self.window.len() {
            let until = (at + n.max(self.ahead)).min(self.len);
            self.start = at;
            self.window.resize(until - at, 0);
            (self.read)(at, self.window);
        }
        &self.window[at - self.start..end - self.start]
    }

    fn append(&mut self, at: usize, n: usize, out: &mut Vec<u8>) {
        if n <= VIEW_MIN {
            out.extend_from_slice(self.peek(at, n));
        } else {
            let had = out.len();
            out.resize(had + n, 0);
            (self.read)(at, &mut out[had..]);
        }
    }
}

#[cfg(test)]
#[path = "framer_tests.rs"]
mod tests;
