//! When and how long to wait before the same idempotent call. Must not know: which call it is.

use std::time::Duration;

use crate::{
    config::RetryPolicy,
    error::{Error, ErrorKind},
    platform::{Instant, now, random_bytes, sleep},
};

/// A server that asks for more than this is not about to come back during a call.
const LONGEST_REQUESTED_DELAY: Duration = Duration::from_secs(10);

/// The attempts of one call and the time they share.
pub(super) struct Retries {
    start: Instant,
    /// For the call in all.
    limit: Duration,
    policy: RetryPolicy,
    attempts: u32,
    backoff: Backoff,
}

impl Retries {
    pub(super) fn new(limit: Duration, policy: RetryPolicy) -> Self {
        let backoff = Backoff::new(policy.first_delay, policy.max_delay);
        Self { start: now(), limit, policy, attempts: 1, backoff }
    }

    /// Time left for the next attempt.
    pub(super) fn remaining(&self) -> Duration {
        self.start.remaining(self.limit)
    }

    /// Which attempt is under way, from 1.
    pub(super) fn attempt(&self) -> u32 {
        self.attempts
    }

    /// Waits as long as `error` and the back-off ask. False: give up, with `error`.
    pub(super) async fn wait_after(&mut self, error: &Error) -> bool {
        if self.attempts >= self.policy.attempts || !is_transient(error) {
            return false;
        }
        let Some(delay) = delay(self.backoff.next(), error.retry_delay()) else { return false };
        if delay >= self.remaining().min(self.start.remaining(self.policy.budget)) {
            return false;
        }
        self.attempts += 1;
        sleep(delay).await;
        true
    }
}

/// Decorrelated jitter: each delay is random between the first and three times the one before, up to the longest. Clients
/// that failed together come back apart.
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    last: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first: first.min(longest), longest, last: first.min(longest) }
    }

    pub(crate) fn next(&mut self) -> Duration {
        self.next_at(random())
    }

    fn next_at(&mut self, random: f64) -> Duration {
        let reach = self.last.saturating_mul(3).max(self.first) - self.first;
        self.last = (self.first + reach.mul_f64(random.clamp(0.0, 1.0))).min(self.longest);
        self.last
    }
}

/// Repeating helps only against what passes by itself. Exhausted capacity does not, nor does a deadline that has passed,
/// unless it was only that of one attempt.
fn is_transient(error: &Error) -> bool {
    error.retryable()
        && (error.kind().is(ErrorKind::SandboxUnavailable)
            || error.kind().is(ErrorKind::Network)
            || error.kind().is(ErrorKind::RateLimit)
            || error.kind() == ErrorKind::SandboxRequestTimeout)
}

/// Never less than the server asks for; `None` where it asks for too much.
fn delay(backoff: Duration, requested: Option<Duration>) -> Option<Duration> {
    match requested {
        Some(requested) if requested > LONGEST_REQUESTED_DELAY => None,
        Some(requested) => Some(backoff.max(requested)),
        None => Some(backoff),
    }
}

/// Between 0 and 1.
fn random() -> f64 {
    random_bytes::<4>().map_or(1.0, |bytes| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, delay, is_transient};
    use crate::error::{Diagnosis, Error, ErrorKind};

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);

    #[test]
    fn delays_are_random_between_the_first_and_three_times_the_last() {
        let mut backoff = Backoff::new(FIRST, LONGEST);
        assert_eq!(backoff.next_at(0.0), FIRST);
        assert_eq!(backoff.next_at(1.0), FIRST * 3);
        assert_eq!(backoff.next_at(0.5), FIRST + Duration::from_millis(400));
        for _ in 0..20 {
            backoff.next_at(1.0);
        }
        assert_eq!(backoff.next_at(1.0), LONGEST);
        assert_eq!(backoff.next_at(0.0), FIRST, "a long delay is not followed by another of necessity");
    }

    #[test]
    fn the_servers_delay_is_honoured_unless_it_is_absurd() {
        assert_eq!(delay(FIRST, Some(Duration::from_secs(3))), Some(Duration::from_secs(3)));
        assert_eq!(delay(FIRST, Some(Duration::from_millis(3))), Some(FIRST));
        assert_eq!(delay(FIRST, None), Some(FIRST));
        assert_eq!(delay(FIRST, Some(Duration::from_secs(11))), None);
    }

    #[test]
    fn only_what_passes_by_itself_is_repeated() {
        assert!(is_transient(&Error::network(Diagnosis::Refused, "no")));
        assert!(is_transient(&Error::new(ErrorKind::SandboxUnavailable, "no")));
        assert!(is_transient(&Error::new(ErrorKind::SandboxRequestTimeout, "no")));
        assert!(!is_transient(&Error::network(Diagnosis::NotGrpc, "no")));
        assert!(!is_transient(&Error::new(ErrorKind::SandboxResourceExhausted, "no")));
        assert!(!is_transient(&Error::new(ErrorKind::SandboxCommandTimeout, "no")));
        assert!(!is_transient(&Error::new(ErrorKind::SandboxNotFound, "no")));
    }
}
