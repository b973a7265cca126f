//! The host where tokio runs.

use std::{
    future::Future,
    sync::OnceLock,
    time::{Duration, Instant as StdInstant, SystemTime},
};

use super::Instant;

/// A boxed future that may move between threads.
pub(crate) type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;

/// Sleeps. Needs a tokio runtime with time; outside of one it never wakes.
pub(crate) async fn sleep(duration: Duration) {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::time::sleep(duration).await,
        Err(_) => std::future::pending().await,
    }
}

pub(crate) fn now() -> Instant {
    static START: OnceLock<StdInstant> = OnceLock::new();
    let start = *START.get_or_init(StdInstant::now);
    // Tokio's clock is the system's, except in tests that stop it.
    let since = tokio::time::Instant::now().into_std().saturating_duration_since(start);
    Instant(since.as_secs_f64() * 1000.0)
}

/// The time of day, as far as this machine knows.
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Bytes nobody can guess. `None` when the system has none to give.
pub(crate) fn random_bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}

/// Drives a future in the background. Returns whether there is a runtime to do so.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> bool {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(future);
            true
        }
        Err(_) => false,
    }
}
