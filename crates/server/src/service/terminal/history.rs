//! The last bytes that a terminal printed, by their offset from its start. Must not know: who reads them.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// What is kept of a terminal's output.
pub(super) const CAPACITY: usize = 1024 * 1024;

/// A bounded window on a stream that only grows.
#[derive(Default)]
pub(super) struct History {
    kept: VecDeque<u8>,
    /// Offset of the first byte that is kept.
    start: u64,
}

impl History {
    /// Offset of the first byte that is kept.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// How much was ever printed.
    pub fn end(&self) -> u64 {
        self.start + self.kept.len() as u64
    }

    /// Appends output; the oldest goes.
    pub fn push(&mut self, data: &[u8]) {
        self.kept.extend(data);
        let excess = self.kept.len().saturating_sub(CAPACITY);
        self.kept.drain(..excess);
        self.start += excess as u64;
    }

    /// At most `limit` bytes from `from` on; empty at the end. `from` lies between `start` and `end`.
    pub fn read(&self, from: u64, limit: usize) -> Bytes {
        let skip = usize::try_from(from.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.kept.len());
        let until = skip.saturating_add(limit).min(self.kept.len());
        let (front, back) = self.kept.as_slices();
        let cut = |slice: &[u8], before: usize| {
            let bound = |at: usize| at.saturating_sub(before).min(slice.len());
            bound(skip)..bound(until)
        };
        let mut read = BytesMut::with_capacity(until - skip);
        read.extend_from_slice(&front[cut(front, 0)]);
        read.extend_from_slice(&back[cut(back, front.len())]);
        read.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_byte_is_read_by_its_offset() {
        let mut history = History::default();
        let mut printed = Vec::new();
        // Sizes that go round the buffer unevenly.
        for turn in 0..300_usize {
            let data: Vec<u8> = (0..turn * 37 % 9001).map(|at| ((at * 7 + turn) % 251) as u8).collect();
            history.push(&data);
            printed.extend(data);
        }
        assert!(printed.len() > CAPACITY);
        assert_eq!(history.end(), printed.len() as u64);
        assert_eq!(history.end() - history.start(), CAPACITY as u64);
        let mut at = history.start();
        while at < history.end() {
            let read = history.read(at, 10_007);
            assert_eq!(read[..], printed[at as usize..][..read.len()]);
            at += read.len() as u64;
        }
        assert!(history.read(history.end(), 10).is_empty());
    }

    #[test]
    fn more_than_fits_leaves_its_end() {
        let mut history = History::default();
        history.push(&vec![1; CAPACITY]);
        history.push(&[2; 10]);
        assert_eq!((history.start(), history.end()), (10, CAPACITY as u64 + 10));
        assert_eq!(history.read(CAPACITY as u64, 100)[..], [2; 10]);
    }
}
