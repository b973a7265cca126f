//! What was acknowledged, and only that.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// One sandbox's part.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Files by path, with the number that their content is made of.
    pub files: BTreeMap<String, u64>,
    /// Numbers of execs that answered; each left a line.
    pub execs: Vec<u64>,
    /// The log as far as a follower got it.
    pub log: Vec<u8>,
    /// Snapshots that were made, by id, with a file that was there before.
    pub snapshots: Vec<(String, String)>,
}

/// Everything that was acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    pages: Mutex<HashMap<String, Page>>,
    deleted: Mutex<Vec<String>>,
    next: AtomicU64,
    interrupted: AtomicU64,
}

impl Ledger {
    /// A number that was not used before.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A sandbox was accepted.
    pub fn created(&self, id: &str) {
        self.lock().entry(id.to_owned()).or_default();
    }

    /// Something of a sandbox was acknowledged. What belongs to a deleted one is nobody's.
    pub fn note(&self, id: &str, change: impl FnOnce(&mut Page)) {
        if let Some(page) = self.lock().get_mut(id) {
            change(page);
        }
    }

    /// A deletion is about to be asked for: from now on the sandbox may be gone.
    pub fn deleting(&self, id: &str) {
        self.lock().remove(id);
    }

    /// A deletion was acknowledged: the sandbox must go.
    pub fn deleted(&self, id: &str) {
        self.deleted.lock().unwrap().push(id.to_owned());
    }

    /// A call that the kill cut off.
    pub fn interrupted(&self) {
        self.interrupted.fetch_add(1, Ordering::Relaxed);
    }

    /// Every live sandbox.
    pub fn pages(&self) -> HashMap<String, Page> {
        self.lock().clone()
    }

    /// Every deleted sandbox.
    pub fn gone(&self) -> Vec<String> {
        self.deleted.lock().unwrap().clone()
    }

    /// For people.
    pub fn summary(&self) -> String {
        let pages = self.pages();
        let sum = |count: fn(&Page) -> usize| pages.values().map(count).sum::<usize>();
        format!(
            "acknowledged: {} sandboxes, {} deleted, {} files, {} execs, {} snapshots, {} log bytes; {} calls cut off",
            pages.len(),
            self.gone().len(),
            sum(|page| page.files.len()),
            sum(|page| page.execs.len()),
            sum(|page| page.snapshots.len()),
            sum(|page| page.log.len()),
            self.interrupted.load(Ordering::Relaxed),
        )
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Page>> {
        self.pages.lock().unwrap()
    }
}

/// The content that a number stands for: between nothing and 200 KB.
pub fn content(number: u64) -> Vec<u8> {
    let length = (number * 7919) % 200_000;
    let mut line = format!("{number}\n").into_bytes();
    line = line.iter().copied().cycle().take(length as usize).collect();
    line
}
