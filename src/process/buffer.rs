//! Keeps the beginning and the end of a byte stream in bounded memory. Must not know: whose bytes they are.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes with a limit: beyond it the middle is dropped.
#[derive(Debug, Clone)]
pub struct MiddleBuffer {
    head: Vec<Bytes>,
    tail: VecDeque<Bytes>,
    head_room: usize,
    tail_len: usize,
    tail_limit: usize,
    dropped: u64,
}

impl MiddleBuffer {
    /// Keeps at most `limit` bytes, half of them from the start.
    pub fn new(limit: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_room: limit / 2,
            tail_len: 0,
            tail_limit: limit - limit / 2,
            dropped: 0,
        }
    }

    /// Appends bytes.
    pub fn push(&mut self, mut data: Bytes) {
        if self.head_room > 0 {
            let first = data.split_to(data.len().min(self.head_room));
            self.head_room -= first.len();
            self.head.push(first);
        }
        if data.is_empty() {
            return;
        }
        self.tail_len += data.len();
        self.tail.push_back(data);
        while self.tail_len > self.tail_limit {
            let Some(oldest) = self.tail.front_mut() else { break };
            let excess = (self.tail_len - self.tail_limit).min(oldest.len());
            oldest.advance(excess);
            self.tail_len -= excess;
            self.dropped += excess as u64;
            if oldest.is_empty() {
                self.tail.pop_front();
            }
        }
    }

    /// How many bytes are missing from the middle.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What was kept, in one piece.
    pub fn into_bytes(mut self) -> Bytes {
        if self.head.len() + self.tail.len() == 1 {
            return self.head.pop().or(self.tail.pop_front()).unwrap_or_default();
        }
        let mut all = BytesMut::with_capacity(self.head.iter().chain(&self.tail).map(Bytes::len).sum());
        for piece in self.head.iter().chain(&self.tail) {
            all.extend_from_slice(piece);
        }
        all.freeze()
    }

    /// What was kept, in the pieces it came in.
    pub fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        self.head.into_iter().chain(self.tail)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::MiddleBuffer;

    fn kept(limit: usize, pieces: &[&'static str]) -> (Bytes, u64) {
        let mut buffer = MiddleBuffer::new(limit);
        for piece in pieces {
            buffer.push(Bytes::from_static(piece.as_bytes()));
        }
        let dropped = buffer.dropped();
        (buffer.into_bytes(), dropped)
    }

    #[test]
    fn everything_is_kept_up_to_the_limit() {
        assert_eq!(kept(8, &["abc", "de", "fgh"]), (Bytes::from("abcdefgh"), 0));
        assert_eq!(kept(8, &[]), (Bytes::new(), 0));
    }

    #[test]
    fn beyond_the_limit_the_middle_is_dropped() {
        assert_eq!(kept(6, &["abc", "de", "fgh"]), (Bytes::from("abcfgh"), 2));
        assert_eq!(kept(6, &["abcdefgh"]), (Bytes::from("abcfgh"), 2));
        assert_eq!(kept(1, &["abc", "d"]), (Bytes::from("d"), 3));
        assert_eq!(kept(0, &["abc"]), (Bytes::new(), 3));
    }
}
