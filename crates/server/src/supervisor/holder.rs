//! Who has a sandbox, and when it was last used. Changes over its life, unlike what was asked for.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// What the pool has to do with a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pooling {
    /// Nothing.
    #[default]
    None,
    /// It waits for somebody to take it. Nobody used it yet.
    Idle,
    /// Somebody took it.
    Taken,
}

impl Pooling {
    /// The word for it in the store.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Idle => "idle",
            Self::Taken => "taken",
        }
    }

    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "idle" => Self::Idle,
            "taken" => Self::Taken,
            _ => Self::None,
        }
    }
}

/// Who has a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Holder {
    /// Empty for the server's own token.
    pub user: String,
    /// Whether it came from the pool.
    pub pool: Pooling,
}

impl Holder {
    /// A user who made it.
    pub fn of(user: &str) -> Self {
        Self { user: user.to_owned(), pool: Pooling::None }
    }

    /// The pool, for nobody yet.
    pub fn pool() -> Self {
        Self { user: String::new(), pool: Pooling::Idle }
    }

    /// A user who took it from the pool.
    pub fn taker(user: &str) -> Self {
        Self { user: user.to_owned(), pool: Pooling::Taken }
    }
}

/// When a sandbox was last used, and by how many calls it is now.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Parts>);

struct Parts {
    last: Mutex<Instant>,
    open: AtomicUsize,
}

/// A call under way.
pub(crate) struct InUse(Activity);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Parts { last: Mutex::new(Instant::now()), open: AtomicUsize::new(0) }))
    }

    /// Notes a use that is over at once.
    pub fn touch(&self) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Notes a use that lasts as long as the value.
    pub fn begin(&self) -> InUse {
        self.touch();
        self.0.open.fetch_add(1, Ordering::Relaxed);
        InUse(self.clone())
    }

    /// How long nobody has used it; nothing while somebody does.
    pub fn idle(&self) -> Option<Duration> {
        let last = *self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        (self.0.open.load(Ordering::Relaxed) == 0).then(|| last.elapsed())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.touch();
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_not_idle() {
        let activity = Activity::new();
        let call = activity.begin();
        assert_eq!(activity.idle(), None);
        drop(call);
        assert!(activity.idle().is_some());
    }

    #[test]
    fn the_words_of_the_store_are_read_again() {
        for pooling in [Pooling::None, Pooling::Idle, Pooling::Taken] {
            assert_eq!(Pooling::from_name(pooling.name()), pooling);
        }
    }
}
