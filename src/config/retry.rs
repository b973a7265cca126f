//! How often and for how long a call is repeated. Must not know: which calls may be.

use std::time::Duration;

/// How calls that may be repeated are, after failures that pass by themselves. A delay that the server asks for is
/// honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a call is tried in all. Default: 4; 1 repeats nothing.
    pub attempts: u32,
    /// After how long no further attempt is begun, within the call's own timeout. Default: 60 s.
    pub budget: Duration,
    /// The shortest pause. Default: 100 ms.
    pub first_delay: Duration,
    /// The longest pause of its own. Default: 2 s.
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// Repeats nothing.
    pub fn none() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// Sets how often a call is tried in all.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets after how long no further attempt is begun.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the shortest and the longest pause.
    pub fn delays(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_delay, self.max_delay) = (first, longest);
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            budget: Duration::from_secs(60),
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
        }
    }
}
