//! What is counted about the sandboxes of a session. Must not know: sessions.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Sandbox;

/// What a session's sandboxes did.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// Sandboxes asked for.
    pub sandboxes_created: u64,
    /// Processes that have ended, one way or the other.
    pub executions: u64,
    /// Of these, with exit code zero.
    pub exec_completed_ok: u64,
    /// Of these, with another exit code.
    pub exec_completed_nonzero: u64,
    /// Of these, without an exit code: not started, timed out, cancelled, lost.
    pub exec_failures: u64,
    /// Sandboxes seen to run.
    pub startup_count: u64,
    /// How long they took from being accepted to being seen to run, in sum.
    pub startup_total: Duration,
    /// The quickest.
    pub startup_min: Option<Duration>,
    /// The slowest.
    pub startup_max: Option<Duration>,
}

/// How a process ended, as far as counting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecOutcome {
    /// With an exit code.
    Exited(i32),
    /// Without one.
    Failed,
}

/// Counts for one session.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Metrics>);

impl Tally {
    /// What was counted so far.
    pub fn metrics(&self) -> Metrics {
        self.lock().clone()
    }

    /// One more sandbox was asked for.
    pub(crate) fn created(&self) {
        self.lock().sandboxes_created += 1;
    }

    fn started(&self, after: Duration) {
        let mut metrics = self.lock();
        metrics.startup_count += 1;
        metrics.startup_total += after;
        metrics.startup_min = Some(metrics.startup_min.map_or(after, |least| least.min(after)));
        metrics.startup_max = Some(metrics.startup_max.map_or(after, |most| most.max(after)));
    }

    fn executed(&self, outcome: ExecOutcome) {
        let mut metrics = self.lock();
        metrics.executions += 1;
        match outcome {
            ExecOutcome::Exited(0) => metrics.exec_completed_ok += 1,
            ExecOutcome::Exited(_) => metrics.exec_completed_nonzero += 1,
            ExecOutcome::Failed => metrics.exec_failures += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Metrics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    /// From now on what happens to it counts there.
    pub(crate) fn count_in(&self, tally: &Arc<Tally>) {
        *self.tally() = Some(Arc::clone(tally));
    }

    /// Whether it counts anywhere.
    pub(super) fn is_counted(&self) -> bool {
        self.tally().is_some()
    }

    /// A process of it ended.
    pub(crate) fn executed(&self, outcome: ExecOutcome) {
        if let Some(tally) = &*self.tally() {
            tally.executed(outcome);
        }
    }

    /// It was seen to run for the first time.
    pub(super) fn started(&self, after: Duration) {
        if let Some(tally) = &*self.tally() {
            tally.started(after);
        }
    }

    fn tally(&self) -> MutexGuard<'_, Option<Arc<Tally>>> {
        self.inner.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ExecOutcome, Tally};

    #[test]
    fn every_outcome_is_counted_once() {
        let tally = Tally::default();
        for outcome in [ExecOutcome::Exited(0), ExecOutcome::Exited(0), ExecOutcome::Exited(3), ExecOutcome::Failed] {
            tally.executed(outcome);
        }
        tally.started(Duration::from_secs(1));
        tally.started(Duration::from_secs(3));
        let metrics = tally.metrics();
        assert_eq!((metrics.executions, metrics.exec_completed_ok), (4, 2));
        assert_eq!((metrics.exec_completed_nonzero, metrics.exec_failures), (1, 1));
        assert_eq!((metrics.startup_count, metrics.startup_total), (2, Duration::from_secs(4)));
        assert_eq!(
            (metrics.startup_min, metrics.startup_max),
            (Some(Duration::from_secs(1)), Some(Duration::from_secs(3)))
        );
    }
}
