//! How many REST requests one address may make.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::HashMapStateStore,
};

/// After so many requests, addresses that are quiet again are forgotten.
const TIDY_EVERY: u32 = 1000;

/// Counts requests by address.
pub(crate) struct RateLimit {
    limiter: RateLimiter<Option<IpAddr>, HashMapStateStore<Option<IpAddr>>, DefaultClock>,
    clock: DefaultClock,
    counted: AtomicU32,
}

impl RateLimit {
    /// `burst` requests at once, `per_second` in the long run. Zero counts as one.
    pub fn new(burst: u32, per_second: u32) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self { limiter: RateLimiter::hashmap(quota), clock: DefaultClock::default(), counted: AtomicU32::new(0) }
    }

    /// Counts a request; refused ones are told how long to wait.
    pub(super) fn check(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        if self.counted.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&address).map_err(|not_before| not_before.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_one_waits_whoever_else_calls() {
        let limit = RateLimit::new(3, 1);
        let address = Some(IpAddr::from([127, 0, 0, 1]));
        for _ in 0..3 {
            assert_eq!(limit.check(address), Ok(()));
        }
        assert!(limit.check(address).is_err());
        assert_eq!(limit.check(Some(IpAddr::from([127, 0, 0, 2]))), Ok(()));
    }
}
