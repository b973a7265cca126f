//! Frames on a byte stream: a little-endian u32 length, then a postcard value.
//! Pure: bytes in, values out. Must not know: sockets.

use std::io;

use serde::{Serialize, de::DeserializeOwned};

/// Longest accepted frame: twice what one `execve` takes as arguments and environment.
pub const MAX_FRAME: usize = 4 << 20;

/// Encodes one frame.
///
/// # Errors
/// `InvalidInput` when the value is longer than [`MAX_FRAME`].
pub fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    bytes = postcard::to_extend(value, bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let length = bytes.len() - 4;
    if length > MAX_FRAME {
        let text = format!("arguments and environment take {length} bytes; at most {MAX_FRAME} fit");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

/// Collects bytes until a frame is whole.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
}

impl FrameBuffer {
    /// Appends what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next whole frame, if one is there.
    ///
    /// # Errors
    /// `InvalidData` when the length is beyond [`MAX_FRAME`] or the value does not parse; the stream is then useless.
    pub fn take<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(head) = self.bytes.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*head) as usize;
        if length > MAX_FRAME {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "frame length out of range"));
        }
        let Some(body) = self.bytes.get(4..4 + length) else { return Ok(None) };
        let value = postcard::from_bytes(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.bytes.drain(..4 + length);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Nudge, Reply};

    #[test]
    fn frames_survive_every_split() {
        let mut bytes = encode(&Reply::Exited { code: 137 }).unwrap();
        bytes.extend(encode(&Reply::Refused("no".into())).unwrap());
        for cut in 0..=bytes.len() {
            let mut buffer = FrameBuffer::default();
            let mut seen = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                buffer.push(part);
                while let Some(reply) = buffer.take::<Reply>().unwrap() {
                    seen.push(format!("{reply:?}"));
                }
            }
            assert_eq!(seen, ["Exited { code: 137 }", "Refused(\"no\")"], "cut at {cut}");
        }
    }

    #[test]
    fn a_length_out_of_range_is_an_error_not_an_allocation() {
        let mut buffer = FrameBuffer::default();
        buffer.push(&u32::MAX.to_le_bytes());
        assert!(buffer.take::<Nudge>().is_err());
    }

    #[test]
    fn garbage_is_an_error() {
        let mut buffer = FrameBuffer::default();
        buffer.push(&[1, 0, 0, 0, 99]);
        assert!(buffer.take::<Nudge>().is_err());
    }
}
