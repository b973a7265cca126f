//! The frames between a client and a driver: u32 length of the rest, u8 kind, u64 call, body; big endian.
//! Must not know: what a frame makes anybody do, I/O.
//!
//! A call's frames form one byte stream. `Continue` and `Acknowledge` name positions in it, in bytes of whole frames.

use std::{fmt, num::ParseIntError, str::FromStr};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::{Error, ErrorKind};

/// Bytes of a frame before its body.
pub(super) const HEAD_BYTES: usize = 13;

/// More than any driver sends in one frame.
const MAX_FRAME_BYTES: usize = 1 << 30;

/// What a call is known by, to its driver and to every client that continues it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for CallId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// What a client asks of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// Body: u32 length of the options, the options as JSON, the source.
    Execute,
    /// Body: u64 position from which on the call is to be told again.
    Continue,
    /// Body: u64 position up to which everything arrived.
    Acknowledge,
    /// No body. Ends the call without ending the context.
    Interrupt,
    /// No body. Gives the context a new interpreter.
    Restart,
    /// No body. Ends the context.
    Shutdown,
}

impl Request {
    fn byte(self) -> u8 {
        match self {
            Self::Execute => b'E',
            Self::Continue => b'C',
            Self::Acknowledge => b'K',
            Self::Interrupt => b'I',
            Self::Restart => b'R',
            Self::Shutdown => b'X',
        }
    }

    /// The frame of this request.
    pub(super) fn frame(self, call: CallId, body: &[&[u8]]) -> Bytes {
        let size: usize = body.iter().map(|part| part.len()).sum();
        let mut frame = BytesMut::with_capacity(HEAD_BYTES + size);
        // The caller has checked the one body that can be large.
        frame.put_u32((HEAD_BYTES - 4 + size) as u32);
        frame.put_u8(self.byte());
        frame.put_u64(call.0);
        body.iter().for_each(|part| frame.put_slice(part));
        frame.freeze()
    }
}

/// What a driver says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// First of an attachment, of no call. JSON: `language`, `version`, `cwd`, `executionCount`, `busy`.
    Hello,
    /// The call runs now. JSON: `executionCount`.
    Started,
    /// Bytes of standard output.
    Stdout,
    /// Bytes of standard error.
    Stderr,
    /// A result. JSON: `result` (the value of the last expression, not a display), `data` by MIME type, `metadata`.
    Display,
    /// The code failed. JSON: `name`, `value`, `traceback`.
    Error,
    /// Nobody listened for so long that this is missing here. JSON: `stdout` and `stderr` in bytes, `results`.
    Gap,
    /// Last of a call. JSON: `status`, `executionCount`, `durationMs`, `restarted`.
    Done,
}

impl EventKind {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'H' => Self::Hello,
            b'S' => Self::Started,
            b'O' => Self::Stdout,
            b'F' => Self::Stderr,
            b'D' => Self::Display,
            b'X' => Self::Error,
            b'G' => Self::Gap,
            b'Z' => Self::Done,
            _ => return None,
        })
    }

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Started => "started",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Display => "display",
            Self::Error => "error",
            Self::Gap => "gap",
            Self::Done => "done",
        }
    }
}

/// One event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Whose it is.
    pub call: CallId,
    /// What it is.
    pub kind: EventKind,
    /// Bytes of an output, JSON of everything else.
    pub body: Bytes,
    /// What of a result is no text: MIME type and bytes.
    pub parts: Vec<(String, Bytes)>,
}

impl Received {
    /// Reads a frame without its length.
    fn read(mut frame: Bytes) -> Result<Self, Error> {
        if frame.len() < HEAD_BYTES - 4 {
            return Err(broken("a frame without a head"));
        }
        let kind = EventKind::of(frame.get_u8()).ok_or_else(|| broken("an event of an unknown kind"))?;
        let call = CallId(frame.get_u64());
        let (body, parts) = match kind {
            EventKind::Display => read_display(frame).ok_or_else(|| broken("a result that ends too early"))?,
            _ => (frame, Vec::new()),
        };
        Ok(Self { call, kind, body, parts })
    }
}

/// u32 length and JSON, then for each part u16 length and MIME type, u32 length and bytes.
fn read_display(mut frame: Bytes) -> Option<(Bytes, Vec<(String, Bytes)>)> {
    let size = frame.try_get_u32().ok()?;
    let body = take(&mut frame, size as usize)?;
    let mut parts = Vec::new();
    while !frame.is_empty() {
        let size = frame.try_get_u16().ok()?;
        let mime = take(&mut frame, size.into())?;
        let size = frame.try_get_u32().ok()?;
        parts.push((String::from_utf8_lossy(&mime).into_owned(), take(&mut frame, size as usize)?));
    }
    Some((body, parts))
}

fn take(bytes: &mut Bytes, size: usize) -> Option<Bytes> {
    (size <= bytes.len()).then(|| bytes.split_to(size))
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the driver of the code context sent {what}"))
}

/// Cuts what a driver says into events, however it is chunked.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    pub(super) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// The next whole event and the length of its frame.
    ///
    /// # Errors
    /// Protocol for what no driver says.
    pub(super) fn next(&mut self) -> Result<Option<(Received, usize)>, Error> {
        let Some(size) = self.buffer.first_chunk::<4>().map(|size| u32::from_be_bytes(*size) as usize) else {
            return Ok(None);
        };
        if size > MAX_FRAME_BYTES {
            return Err(broken("something that is no frame"));
        }
        if self.buffer.len() < 4 + size {
            // Asked for once, large results do not grow step by step.
            self.buffer.reserve(4 + size - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(4);
        Received::read(self.buffer.split_to(size).freeze()).map(|event| Some((event, 4 + size)))
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};

    use super::{CallId, EventKind, FrameReader, Request};
    use crate::error::ErrorKind;

    fn event(kind: u8, call: u64, body: &[u8]) -> Bytes {
        let mut frame = BytesMut::new();
        frame.put_u32(9 + body.len() as u32);
        frame.put_u8(kind);
        frame.put_u64(call);
        frame.put_slice(body);
        frame.freeze()
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let display = [&9_u32.to_be_bytes()[..], b"{\"a\": 12}", &[0, 3], b"a/b", &[0, 0, 0, 2], b"xy"].concat();
        let all = [event(b'O', 7, b"out"), event(b'D', 7, &display), event(b'Z', 7, b"{}")].concat();
        for cut in 0..all.len() {
            let mut reader = FrameReader::default();
            let mut events = Vec::new();
            for piece in [&all[..cut], &all[cut..]] {
                reader.push(piece);
                while let Some((event, _)) = reader.next().unwrap() {
                    events.push(event);
                }
            }
            let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, [EventKind::Stdout, EventKind::Display, EventKind::Done], "cut at {cut}");
            assert_eq!((events[0].call, &events[0].body[..]), (CallId(7), &b"out"[..]));
            assert_eq!(&events[1].body[..], b"{\"a\": 12}");
            assert_eq!(events[1].parts, [("a/b".to_owned(), Bytes::from_static(b"xy"))]);
        }
    }

    #[test]
    fn what_no_driver_says_is_a_protocol_error() {
        let truncated = [&9_u32.to_be_bytes()[..], b"{}"].concat();
        for bytes in [
            event(b'?', 1, b""),
            event(b'D', 1, &truncated),
            Bytes::from_static(b"\0\0\0\x01H"),
            [255; 9][..].to_vec().into(),
        ] {
            let mut reader = FrameReader::default();
            reader.push(&bytes);
            assert_eq!(reader.next().unwrap_err().kind(), ErrorKind::Protocol, "{bytes:?}");
        }
    }

    #[test]
    fn a_request_has_its_length_kind_call_and_body() {
        let frame = Request::Execute.frame(CallId(0x0102), &[b"ab", b"c"]);
        assert_eq!(&frame[..], b"\0\0\0\x0cE\0\0\0\0\0\0\x01\x02abc");
        assert_eq!(CallId(0xab).to_string(), "00000000000000ab");
        assert_eq!("00000000000000ab".parse(), Ok(CallId(0xab)));
    }
}
