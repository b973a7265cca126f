//! Work that callers at the same time share. Must not know: what work it is.

use std::sync::{Mutex, PoisonError};

use futures::{FutureExt, future::WeakShared};

use super::Answer;
use crate::{error::Error, platform::BoxFuture};

/// A piece of work under way. It goes on while at least one caller waits for it, and is dropped with the last one.
pub(super) struct Together<T: Clone>(Mutex<Option<WeakShared<Work<T>>>>);

type Work<T> = BoxFuture<'static, Result<T, Error>>;

impl<T: Clone> Default for Together<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Together<T> {
    /// Joins the work under way, or begins it.
    pub(super) fn join(&self, begin: impl FnOnce() -> Work<T>) -> Answer<T> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way(&current).unwrap_or_else(|| {
            let begun = begin().shared();
            *current = begun.downgrade();
            begun
        })
    }

    /// Whether there is work under way.
    pub(super) fn is_under_way(&self) -> bool {
        under_way(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).is_some()
    }
}

/// Work that has ended is no longer under way, even if somebody still holds its answer.
fn under_way<T: Clone>(current: &Option<WeakShared<Work<T>>>) -> Option<Answer<T>> {
    current.as_ref().and_then(WeakShared::upgrade).filter(|work| work.peek().is_none())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::{executor::block_on, future::join};

    use super::Together;

    #[test]
    fn callers_at_the_same_time_share_and_later_ones_begin_anew() {
        let (together, begun) = (Together::default(), AtomicU32::new(0));
        let ask = || together.join(|| Box::pin(std::future::ready(Ok(begun.fetch_add(1, Ordering::Relaxed)))));
        let (first, second) = block_on(join(ask(), ask()));
        assert_eq!((first.unwrap(), second.unwrap()), (0, 0));
        assert_eq!(block_on(ask()).unwrap(), 1);
    }

    #[test]
    fn work_that_nobody_waits_for_is_dropped() {
        let together = Together::<()>::default();
        drop(together.join(|| Box::pin(std::future::pending())));
        assert!(block_on(together.join(|| Box::pin(std::future::ready(Ok(()))))).is_ok());
    }
}
