//! Blocks of user ids, one per live sandbox, so that a process that escapes one sandbox owns nothing of another.
//! Must not know: how a block gets mapped.

use std::{collections::HashSet, sync::Mutex};

/// First id of block 0; below live the machine's own users.
const FIRST: u32 = 100_000;
/// Ids per block.
pub const SIZE: u32 = 65_536;
/// Blocks up to the end of the 32-bit range.
const COUNT: u32 = (u32::MAX - FIRST) / SIZE;

/// Which blocks are taken.
#[derive(Debug)]
pub struct Blocks {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    taken: HashSet<u32>,
    next: u32,
}

impl Blocks {
    /// `taken` belongs to sandboxes that an earlier server left. `seed` spreads servers on one machine apart.
    pub fn new(taken: impl IntoIterator<Item = u32>, seed: u64) -> Blocks {
        let next = (seed % u64::from(COUNT)) as u32;
        Blocks { state: Mutex::new(State { taken: taken.into_iter().collect(), next }) }
    }

    /// Takes a free block; its first id. `None` when all are taken.
    pub fn take(&self) -> Option<u32> {
        let mut state = self.lock();
        for _ in 0..COUNT {
            let base = FIRST + state.next * SIZE;
            state.next = (state.next + 1) % COUNT;
            if state.taken.insert(base) {
                return Some(base);
            }
        }
        None
    }

    /// Gives a block back, once nothing is owned by it any more.
    pub fn release(&self, base: u32) {
        self.lock().taken.remove(&base);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_and_taken_ones_are_skipped() {
        let blocks = Blocks::new([FIRST + SIZE], 0);
        let (one, two) = (blocks.take().unwrap(), blocks.take().unwrap());
        assert_eq!((one, two), (FIRST, FIRST + 2 * SIZE));
        blocks.release(one);
        assert!(!blocks.lock().taken.contains(&one));
    }

    #[test]
    fn the_last_block_ends_inside_the_range() {
        let blocks = Blocks::new([], u64::from(COUNT) - 1);
        let last = blocks.take().unwrap();
        assert!(last.checked_add(SIZE - 1).is_some());
        assert_eq!(blocks.take(), Some(FIRST), "it wraps around");
    }
}
