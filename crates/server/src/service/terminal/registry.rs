//! Which terminals are kept, and how many may be. Must not know: the wire, what runs in them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tonic::Code;

use super::{super::Problem, running::Terminal};

/// Terminals kept of one sandbox.
const PER_SANDBOX: usize = 32;
/// Terminals kept in all: a mebibyte each.
const IN_ALL: usize = 512;

/// By sandbox and by name.
type Key = (String, String);

/// The terminals of this server. Cheap to clone.
#[derive(Clone, Default)]
pub(in super::super) struct Terminals(Arc<Mutex<BTreeMap<Key, Arc<Terminal>>>>);

impl Terminals {
    /// The terminal of that name.
    pub(super) fn get(&self, sandbox_id: &str, id: &str) -> Option<Arc<Terminal>> {
        self.lock().get(&(sandbox_id.to_owned(), id.to_owned())).cloned()
    }

    /// Those of a sandbox, the oldest first.
    pub(super) fn of(&self, sandbox_id: &str) -> Vec<Arc<Terminal>> {
        let kept = self.lock();
        let mut found: Vec<_> = kept.values().filter(|it| it.facts.sandbox_id == sandbox_id).cloned().collect();
        found.sort_by_key(|it| it.facts.created);
        found
    }

    /// Whether there is room for one more.
    ///
    /// # Errors
    /// Resource exhausted.
    pub(super) fn check_room(&self, sandbox_id: &str) -> Result<(), Problem> {
        let kept = self.lock();
        let full = |limit: usize, whose: &str| {
            let text =
                format!("{whose} keeps {limit} terminals already, which is the limit; end one that nobody needs");
            Err(Problem::new(Code::ResourceExhausted, "CWSANDBOX_TERMINAL_LIMIT", text).with("sandbox_id", sandbox_id))
        };
        if kept.len() >= IN_ALL {
            return full(IN_ALL, "this server");
        }
        if kept.keys().filter(|(of, _)| of == sandbox_id).count() >= PER_SANDBOX {
            return full(PER_SANDBOX, "this sandbox");
        }
        Ok(())
    }

    /// Keeps a terminal, unless `earlier` is not what is kept under its name: then gives that one.
    pub(super) fn keep(&self, terminal: &Arc<Terminal>, earlier: Option<&Arc<Terminal>>) -> Result<(), Arc<Terminal>> {
        let mut kept = self.lock();
        let found = kept.get(&key(terminal));
        match found {
            Some(other) if earlier.is_none_or(|earlier| !Arc::ptr_eq(earlier, other)) => Err(other.clone()),
            _ => {
                kept.insert(key(terminal), terminal.clone());
                Ok(())
            }
        }
    }

    /// Forgets a terminal that is over.
    pub(super) fn forget(&self, terminal: &Arc<Terminal>) {
        let mut kept = self.lock();
        if kept.get(&key(terminal)).is_some_and(|other| Arc::ptr_eq(other, terminal)) {
            kept.remove(&key(terminal));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Terminal>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(terminal: &Terminal) -> Key {
    (terminal.facts.sandbox_id.clone(), terminal.facts.id.clone())
}
