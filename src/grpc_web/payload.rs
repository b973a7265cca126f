//! Finds the one big `bytes` field of a message by its wire format, so that its content need not pass through a decoder.
//! What is not recognised is not an error: the caller then decodes the whole message, so correctness never depends on
//! this. Must not know: the generated types; the field numbers are the caller's.

/// Where the payload lies in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadShape {
    /// The message has none: every message is handed over whole.
    None,
    /// Field `data` comes first; what follows it is handed over as a message of its own.
    Flat {
        /// Field number of the payload.
        data: u8,
    },
    /// The message is exactly one embedded message `outer` holding an enum or integer `tag` and then `data`.
    Nested {
        /// Field number of the embedded message.
        outer: u8,
        /// Field number of the small integer that says which stream the payload belongs to.
        tag: u8,
        /// Field number of the payload.
        data: u8,
    },
}

/// A recognised payload, relative to the start of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The integer beside the payload, 0 for flat shapes.
    pub tag: u32,
    /// Bytes before the payload.
    pub skip: usize,
    /// Length of the payload.
    pub len: usize,
    /// Bytes after it.
    pub tail: usize,
}

/// What the first bytes of a message show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sniff {
    Found(Found),
    /// Too few bytes to say.
    More,
    /// Not of the expected shape.
    Unknown,
}

/// With so many bytes of a message, `sniff` never answers `More`: three keys, two lengths and one small integer.
pub(super) const SNIFF_LEN: usize = 3 + 5 + 5 + 5;

const WIRE_VARINT: u8 = 0;
const WIRE_LEN: u8 = 2;

/// Looks at `start`, the first bytes of a message of `len` bytes.
pub(super) fn sniff(shape: PayloadShape, start: &[u8], len: usize) -> Sniff {
    let mut cursor = Cursor { bytes: start, at: 0, end: len };
    let found = match shape {
        PayloadShape::None => Err(Sniff::Unknown),
        PayloadShape::Flat { data } => flat(&mut cursor, data),
        PayloadShape::Nested { outer, tag, data } => nested(&mut cursor, outer, tag, data),
    };
    match found {
        Ok(found) => Sniff::Found(found),
        Err(other) => other,
    }
}

fn flat(cursor: &mut Cursor<'_>, data: u8) -> Result<Found, Sniff> {
    cursor.key(data, WIRE_LEN)?;
    let len = cursor.length()?;
    Ok(Found { tag: 0, skip: cursor.at, len, tail: cursor.end - cursor.at - len })
}

fn nested(cursor: &mut Cursor<'_>, outer: u8, tag: u8, data: u8) -> Result<Found, Sniff> {
    cursor.key(outer, WIRE_LEN)?;
    let inner = cursor.length()?;
    // Anything after the embedded message could be a second one that replaces or extends it: not ours to judge.
    if cursor.at + inner != cursor.end {
        return Err(Sniff::Unknown);
    }
    cursor.key(tag, WIRE_VARINT)?;
    let value = cursor.varint()?;
    cursor.key(data, WIRE_LEN)?;
    let len = cursor.length()?;
    if cursor.at + len != cursor.end {
        return Err(Sniff::Unknown);
    }
    Ok(Found { tag: value, skip: cursor.at, len, tail: 0 })
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8, Sniff> {
        if self.at >= self.end {
            return Err(Sniff::Unknown);
        }
        let byte = *self.bytes.get(self.at).ok_or(Sniff::More)?;
        self.at += 1;
        Ok(byte)
    }

    /// Field numbers up to 15 only: their key is one byte.
    fn key(&mut self, field: u8, wire: u8) -> Result<(), Sniff> {
        if self.byte()? == (field << 3 | wire) { Ok(()) } else { Err(Sniff::Unknown) }
    }

    fn varint(&mut self) -> Result<u32, Sniff> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            if shift == 28 && byte > 0x0f {
                return Err(Sniff::Unknown);
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Sniff::Unknown)
    }

    fn length(&mut self) -> Result<usize, Sniff> {
        let len = self.varint()? as usize;
        if len <= self.end - self.at { Ok(len) } else { Err(Sniff::Unknown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: PayloadShape = PayloadShape::Nested { outer: 2, tag: 1, data: 2 };
    const CONTENT: PayloadShape = PayloadShape::Flat { data: 1 };

    #[test]
    fn finds_output_as_prost_and_go_write_it() {
        let message = [0x12, 0x07, 0x08, 0x02, 0x12, 0x03, b'a', b'b', b'c'];
        assert_eq!(sniff(OUTPUT, &message, 9), Sniff::Found(Found { tag: 2, skip: 6, len: 3, tail: 0 }));
    }

    #[test]
    fn asks_for_more_at_every_prefix_and_never_changes_its_mind() {
        let message = [0x12, 0x07, 0x08, 0x02, 0x12, 0x03, b'a', b'b', b'c'];
        for cut in 0..6 {
            assert_eq!(sniff(OUTPUT, &message[..cut], 9), Sniff::More, "after {cut} bytes");
        }
    }

    #[test]
    fn leaves_other_messages_and_odd_encodings_to_the_decoder() {
        for message in [
            &[0x1a, 0x02, 0x08, 0x00][..],                        // exit
            &[0x12, 0x03, 0x12, 0x01, b'a'],                      // no stream
            &[0x12, 0x05, 0x12, 0x01, b'a', 0x08, 0x01],          // data before stream
            &[0x12, 0x05, 0x08, 0x01, 0x12, 0x01, b'a', 0x0a, 0], // something follows
            &[0x12, 0x05, 0x08, 0x01, 0x12, 0x7f, b'a'],          // length beyond the message
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],    // endless varint
            &[],
        ] {
            assert_eq!(sniff(OUTPUT, message, message.len()), Sniff::Unknown, "{message:02x?}");
        }
    }

    #[test]
    fn a_log_entry_keeps_its_other_fields_as_the_tail() {
        let message = [0x0a, 0x02, b'h', b'i', 0x20, 0x02];
        assert_eq!(sniff(CONTENT, &message, 6), Sniff::Found(Found { tag: 0, skip: 2, len: 2, tail: 2 }));
    }

    #[test]
    fn the_longest_prefix_is_enough_to_decide() {
        let len = 0x0fff_ffff_usize;
        let mut message = vec![0x12];
        push_varint(&mut message, (len - 6) as u32);
        message.extend([0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x12]);
        push_varint(&mut message, (len - 17) as u32);
        assert!(message.len() <= SNIFF_LEN);
        assert_ne!(sniff(OUTPUT, &message, len), Sniff::More);
    }

    fn push_varint(out: &mut Vec<u8>, mut value: u32) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
}
