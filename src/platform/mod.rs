//! What the host gives: time, randomness, tasks. One signature each, two hosts.
//! Must not know: HTTP, the domain.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
use native as host;

#[cfg(target_arch = "wasm32")]
mod web;
#[cfg(target_arch = "wasm32")]
use web as host;

use std::{future::Future, pin::pin, time::Duration};

use futures::future::{Either, select};

pub(crate) use host::{BoxFuture, now, random_bytes, sleep, spawn, wall_clock};

/// Milliseconds of a clock that never goes backwards, from an arbitrary start.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Instant(pub(self) f64);

impl Instant {
    /// Time since `self`.
    pub(crate) fn elapsed(self) -> Duration {
        Duration::try_from_secs_f64((now().0 - self.0) / 1000.0).unwrap_or_default()
    }

    /// Time left until `after` has passed since `self`; zero when it has.
    pub(crate) fn remaining(self, after: Duration) -> Duration {
        after.saturating_sub(self.elapsed())
    }
}

/// The time given to a future ran out. The future was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// Gives `future` at most `limit`; `None` waits for ever.
pub(crate) async fn timeout<F: Future>(limit: Option<Duration>, future: F) -> Result<F::Output, Elapsed> {
    let Some(limit) = limit else { return Ok(future.await) };
    match select(pin!(future), pin!(sleep(limit))).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(Elapsed),
    }
}
