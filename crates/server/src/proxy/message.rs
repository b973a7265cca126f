//! The messages of a call, one by one, and the few fields of them that a scope depends on. Strict where parsers may
//! differ: a field that is there twice is none.
//! Must not know: which messages there are.

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tonic::{Status, body::Body};

const HEAD: usize = 5;

/// A message with its head, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message(Bytes);

impl Message {
    /// Whether it is packed, so that nobody here can read it.
    pub fn is_compressed(&self) -> bool {
        self.0.first() != Some(&0)
    }

    /// Without its head.
    pub fn payload(&self) -> Bytes {
        self.0.slice(HEAD..)
    }
}

/// A call's messages. Whoever made the body sees to it that none is too long.
pub(super) struct Messages {
    body: Body,
    buffer: BytesMut,
}

impl Messages {
    /// Of a request in gRPC's framing.
    pub fn new(body: Body) -> Self {
        Self { body, buffer: BytesMut::new() }
    }

    /// The next one whole; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Message>, Status> {
        loop {
            if let Some(whole) = self.take() {
                return Ok(Some(whole));
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Status::invalid_argument("the request ends in the middle of a message")),
            }
        }
    }

    fn take(&mut self) -> Option<Message> {
        let head: [u8; HEAD] = self.buffer.get(..HEAD)?.try_into().ok()?;
        let [_, length @ ..] = head;
        let whole = HEAD + u32::from_be_bytes(length) as usize;
        if self.buffer.len() < whole {
            self.buffer.reserve(whole - self.buffer.len());
            return None;
        }
        Some(Message(self.buffer.split_to(whole).freeze()))
    }
}

/// A body of messages that were read already and of others, each as it comes.
pub(super) fn body(first: Message, rest: impl Stream<Item = Result<Message, Status>> + Send + 'static) -> Body {
    use futures::StreamExt;
    let all = stream::iter([Ok(first)]).chain(rest);
    Body::new(StreamBody::new(all.map(|message| message.map(|Message(bytes)| Frame::data(bytes)))))
}

/// A message that cannot be read for sure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

/// The content of a length-delimited field that is there once; `None` when it is not there.
///
/// # Errors
/// When it is there twice or of another type, or the message is no protobuf: parsers would not agree about it.
pub(super) fn only(mut message: &[u8], field: u32) -> Result<Option<&[u8]>, Ambiguous> {
    let mut found = None;
    while !message.is_empty() {
        let key = u32::try_from(varint(&mut message)?).map_err(|_| Ambiguous)?;
        let content = match key & 7 {
            0 => {
                varint(&mut message)?;
                None
            }
            1 => {
                split(&mut message, 8)?;
                None
            }
            2 => {
                let length = usize::try_from(varint(&mut message)?).map_err(|_| Ambiguous)?;
                Some(split(&mut message, length)?)
            }
            5 => {
                split(&mut message, 4)?;
                None
            }
            _ => return Err(Ambiguous),
        };
        if key >> 3 == field && found.replace(content.ok_or(Ambiguous)?).is_some() {
            return Err(Ambiguous);
        }
    }
    Ok(found)
}

fn varint(message: &mut &[u8]) -> Result<u64, Ambiguous> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = message.split_first().ok_or(Ambiguous)?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Ambiguous)
}

fn split<'a>(message: &mut &'a [u8], length: usize) -> Result<&'a [u8], Ambiguous> {
    if message.len() < length {
        return Err(Ambiguous);
    }
    let (content, rest) = message.split_at(length);
    *message = rest;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[tokio::test]
    async fn messages_are_found_however_their_bytes_are_cut() {
        let bytes = [framed(b"one"), framed(b""), framed(b"three")].concat();
        for size in 1..=bytes.len() {
            let chunks: Vec<_> =
                bytes.chunks(size).map(|chunk| Ok::<_, Status>(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
            let mut messages = Messages::new(Body::new(StreamBody::new(stream::iter(chunks))));
            for expected in [&b"one"[..], b"", b"three"] {
                assert_eq!(messages.next().await.unwrap().unwrap().payload(), expected, "cut every {size}");
            }
            assert_eq!(messages.next().await.unwrap(), None);
        }
        let mut cut = Messages::new(Body::new(http_body_util::Full::new(Bytes::from_static(&[0, 0, 0, 0, 9, 1]))));
        assert!(cut.next().await.is_err());
    }

    #[test]
    fn a_field_is_read_only_where_every_parser_reads_the_same() {
        // Field 1 "a", field 2 varint 1, field 9 fixed32.
        let good = [0x0a, 1, b'a', 0x10, 1, 0x4d, 0, 0, 0, 0];
        assert_eq!(only(&good, 1), Ok(Some(&b"a"[..])));
        assert_eq!(only(&good, 3), Ok(None));
        assert_eq!(only(&[], 1), Ok(None));
        // The same key, spelt with one byte more.
        assert_eq!(only(&[0x8a, 0, 1, b'b'], 1), Ok(Some(&b"b"[..])));
        let twice = [0x0a, 1, b'a', 0x8a, 0, 1, b'b'];
        for bad in [&twice[..], &[0x08, 1], &[0x0a, 2, b'a'], &[0x0b], &[0x0a], &[0xff; 11], &[0x0d, 0, 0, 0]] {
            assert_eq!(only(bad, 1), Err(Ambiguous), "{bad:?}");
        }
    }
}
