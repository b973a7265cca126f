//! The five bytes before every gRPC message, and what can be wrong with them.
//! Must not know: what the messages mean.

use std::fmt;

/// Length of a frame head: one flag byte and a big-endian `u32` length.
pub const HEAD_LEN: usize = 5;

/// The largest message this client accepts, and sends: what the servers of this wire are configured for, plus slack for
/// the fields around a file's content.
pub const MAX_MESSAGE_LEN: usize = 100 * 1024 * 1024 + 64 * 1024;

pub(super) const FLAG_COMPRESSED: u8 = 0x01;
pub(super) const FLAG_BLOCK: u8 = 0x80;

/// The head of an uncompressed data frame that carries `len` bytes.
#[must_use]
pub fn frame_head(len: u32) -> [u8; HEAD_LEN] {
    let [a, b, c, d] = len.to_be_bytes();
    [0, a, b, c, d]
}

/// `message` in its frame.
///
/// # Errors
/// [`FrameError::TooLarge`] when the message is larger than any server of this wire accepts.
pub fn envelope(message: &[u8]) -> Result<Vec<u8>, FrameError> {
    let too_large = FrameError::TooLarge { len: message.len(), limit: MAX_MESSAGE_LEN };
    let len = u32::try_from(message.len()).map_err(|_| too_large)?;
    if message.len() > MAX_MESSAGE_LEN {
        return Err(too_large);
    }
    let mut out = Vec::with_capacity(HEAD_LEN + message.len());
    out.extend_from_slice(&frame_head(len));
    out.extend_from_slice(message);
    Ok(out)
}

/// What a frame head announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// A header or trailer block instead of a message.
    pub block: bool,
    pub len: usize,
}

impl Head {
    pub(super) fn parse(bytes: [u8; HEAD_LEN], limit: usize) -> Result<Self, FrameError> {
        let [flags, len @ ..] = bytes;
        if flags & FLAG_COMPRESSED != 0 {
            return Err(FrameError::Compressed);
        }
        if flags & !FLAG_BLOCK != 0 {
            return Err(FrameError::UnknownFlags(flags));
        }
        let len = u32::from_be_bytes(len) as usize;
        if len > limit {
            return Err(FrameError::TooLarge { len, limit });
        }
        Ok(Self { block: flags & FLAG_BLOCK != 0, len })
    }
}

/// A byte stream that is not gRPC-web, or not the dialect that was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A compressed frame, although no encoding was offered.
    Compressed,
    /// Flag bits that no version of the protocol defines: usually text or HTML instead of gRPC-web.
    UnknownFlags(u8),
    /// A message larger than the limit.
    TooLarge {
        /// The announced length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Bytes after the trailer block.
    AfterTrailers,
    /// The stream ended inside a frame.
    Truncated,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compressed => f.write_str("the server sent a compressed frame, although no compression was offered"),
            Self::UnknownFlags(flags) => {
                write!(f, "the answer is not gRPC-web: a frame starts with byte {flags:#04x}")
            }
            Self::TooLarge { len, limit } => write!(f, "a message of {len} bytes is over the limit of {limit} bytes"),
            Self::AfterTrailers => f.write_str("the server sent bytes after the trailers"),
            Self::Truncated => f.write_str("the connection ended in the middle of a message"),
        }
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_its_round_trip() {
        for len in [0u32, 1, 255, 256, 65_536, 90_000_000] {
            let head = Head::parse(frame_head(len), MAX_MESSAGE_LEN).unwrap();
            assert_eq!(head, Head { block: false, len: len as usize });
        }
    }

    #[test]
    fn a_compressed_frame_is_refused() {
        assert_eq!(Head::parse([1, 0, 0, 0, 1], 10), Err(FrameError::Compressed));
        assert_eq!(Head::parse([0x81, 0, 0, 0, 1], 10), Err(FrameError::Compressed));
    }

    #[test]
    fn html_is_recognised_as_not_being_grpc_web() {
        let html = *b"<!DOC";
        assert_eq!(Head::parse(html, usize::MAX), Err(FrameError::UnknownFlags(b'<')));
    }

    #[test]
    fn an_oversized_message_is_refused_before_it_is_read() {
        let head = Head::parse([0, 0xff, 0xff, 0xff, 0xff], MAX_MESSAGE_LEN);
        assert_eq!(head, Err(FrameError::TooLarge { len: 0xffff_ffff, limit: MAX_MESSAGE_LEN }));
        assert!(matches!(envelope(&vec![0; MAX_MESSAGE_LEN + 1]), Err(FrameError::TooLarge { .. })));
    }
}
