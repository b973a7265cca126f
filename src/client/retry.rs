//! When and how long to wait before the same idempotent call. Must not know: which call it is.

use std::time::Duration;

use crate::{
    error::{Error, ErrorKind},
    platform::{Instant, now, random_bytes, sleep},
};

const ATTEMPTS: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(2);
/// A server that asks for more than this is not about to come back during a call.
const LONGEST_REQUESTED_DELAY: Duration = Duration::from_secs(10);

/// The attempts of one call and the time they share.
pub(super) struct Retries {
    start: Instant,
    budget: Duration,
    attempts: u32,
}

impl Retries {
    pub(super) fn new(budget: Duration) -> Self {
        Self { start: now(), budget, attempts: 1 }
    }

    /// Time left for the next attempt.
    pub(super) fn remaining(&self) -> Duration {
        self.start.remaining(self.budget)
    }

    /// Waits as long as `error` and the back-off ask. False: give up, with `error`.
    pub(super) async fn wait_after(&mut self, error: &Error) -> bool {
        if self.attempts >= ATTEMPTS || !is_transient(error) {
            return false;
        }
        let Some(delay) = delay(self.attempts, error.retry_delay(), jitter()) else { return false };
        if delay >= self.remaining() {
            return false;
        }
        self.attempts += 1;
        sleep(delay).await;
        true
    }
}

/// Repeating helps only against what passes by itself. Exhausted capacity and a passed deadline do not.
fn is_transient(error: &Error) -> bool {
    error.retryable()
        && (error.kind().is(ErrorKind::SandboxUnavailable)
            || error.kind().is(ErrorKind::Network)
            || error.kind().is(ErrorKind::RateLimit))
}

/// Exponential with half of it random, and never less than the server asks for.
fn delay(attempts: u32, requested: Option<Duration>, jitter: f64) -> Option<Duration> {
    if requested.is_some_and(|delay| delay > LONGEST_REQUESTED_DELAY) {
        return None;
    }
    let full = FIRST_DELAY.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(MAX_DELAY);
    let jittered = full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
    Some(jittered.max(requested.unwrap_or_default()))
}

/// Between 0 and 1.
fn jitter() -> f64 {
    random_bytes::<1>().map_or(1.0, |[byte]| f64::from(byte) / 255.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX_DELAY, delay, is_transient};
    use crate::error::{Diagnosis, Error, ErrorKind};

    #[test]
    fn delays_grow_up_to_a_limit_and_are_half_random() {
        assert_eq!(delay(1, None, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(delay(1, None, 0.0), Some(Duration::from_millis(50)));
        assert_eq!(delay(2, None, 1.0), Some(Duration::from_millis(200)));
        assert_eq!(delay(30, None, 1.0), Some(MAX_DELAY));
    }

    #[test]
    fn the_servers_delay_is_honoured_unless_it_is_absurd() {
        assert_eq!(delay(1, Some(Duration::from_secs(3)), 0.5), Some(Duration::from_secs(3)));
        assert_eq!(delay(1, Some(Duration::from_secs(11)), 0.5), None);
    }

    #[test]
    fn only_what_passes_by_itself_is_repeated() {
        assert!(is_transient(&Error::network(Diagnosis::Refused, "no")));
        assert!(is_transient(&Error::new(ErrorKind::SandboxUnavailable, "no")));
        assert!(!is_transient(&Error::network(Diagnosis::NotGrpc, "no")));
        assert!(!is_transient(&Error::new(ErrorKind::SandboxRequestTimeout, "no")));
        assert!(!is_transient(&Error::new(ErrorKind::SandboxResourceExhausted, "no")));
        assert!(!is_transient(&Error::new(ErrorKind::SandboxNotFound, "no")));
    }
}
