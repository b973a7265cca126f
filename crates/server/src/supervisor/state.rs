//! The states of a sandbox and what may be known in each.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{runtime::Instance, store::Progress};

/// Where a sandbox is in its life. Names are the store's and the wire's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Accepted; the runtime is starting it.
    Creating,
    /// Its main command runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// It is being stopped.
    Terminating,
    /// Its main command ended by itself.
    Completed,
    /// It did not start, or was lost.
    Failed,
    /// It was stopped.
    Terminated,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Creating,
        Self::Running,
        Self::Paused,
        Self::Terminating,
        Self::Completed,
        Self::Failed,
        Self::Terminated,
    ];

    /// The state's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Terminating => "terminating",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
        }
    }

    /// The state with that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing runs and nothing will.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Terminated)
    }
}

/// A sandbox's state at one moment.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// Where it is.
    pub state: State,
    /// Why; may be empty.
    pub reason: String,
    /// The main command's, once it ended by itself.
    pub exit_code: Option<i32>,
    /// Of containers besides the primary one whose main command had ended when the sandbox did. Not kept over restarts.
    pub exits: BTreeMap<String, i32>,
    /// When its main command started.
    pub started: Option<SystemTime>,
    /// When it reached a terminal state.
    pub ended: Option<SystemTime>,
    /// Present from the start of its main command until its resources are removed.
    pub instance: Option<Arc<dyn Instance>>,
}

impl Snapshot {
    /// The state of a sandbox that was just accepted.
    pub fn new() -> Self {
        Self {
            state: State::Creating,
            reason: String::new(),
            exit_code: None,
            exits: BTreeMap::new(),
            started: None,
            ended: None,
            instance: None,
        }
    }

    /// The part that survives a restart.
    pub fn progress(&self) -> Progress {
        Progress {
            state: self.state.name().to_owned(),
            reason: self.reason.clone(),
            exit_code: self.exit_code,
            started_ns: self.started.map(to_nanos),
            ended_ns: self.ended.map(to_nanos),
        }
    }

    /// What was kept by an earlier server. An unknown word counts as failed: it was written by nobody we know.
    pub fn from_progress(progress: &Progress) -> Self {
        Self {
            state: State::from_name(&progress.state).unwrap_or(State::Failed),
            reason: progress.reason.clone(),
            exit_code: progress.exit_code,
            exits: BTreeMap::new(),
            started: progress.started_ns.map(from_nanos),
            ended: progress.ended_ns.map(from_nanos),
            instance: None,
        }
    }
}

/// Nanoseconds since the epoch, as the store keeps times.
pub(crate) fn to_nanos(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The inverse of [`to_nanos`].
pub(crate) fn from_nanos(nanos: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos.max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_again_by_its_word() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.name()), Some(state));
        }
        assert_eq!(State::from_name("paused?"), None);
    }
}
