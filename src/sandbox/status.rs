//! The states of a sandbox. Must not know: how they are learnt.

use std::{fmt, str::FromStr};

use crate::{error::Error, wire::State};

/// The state of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SandboxStatus {
    /// Accepted, not placed yet.
    Pending,
    /// Being created.
    Creating,
    /// Its image or volumes are being prepared.
    Preparing,
    /// Takes work.
    Running,
    /// Frozen; takes work again after it is resumed.
    Paused,
    /// Being stopped.
    Terminating,
    /// Its main command ended by itself.
    Completed,
    /// It did not start.
    Failed,
    /// It was stopped.
    Terminated,
    /// Not known, or known only to a newer server.
    #[default]
    Unspecified,
}

impl SandboxStatus {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Creating,
        Self::Preparing,
        Self::Running,
        Self::Paused,
        Self::Terminating,
        Self::Completed,
        Self::Failed,
        Self::Terminated,
        Self::Unspecified,
    ];

    /// Its lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Creating => "creating",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Terminating => "terminating",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
            Self::Unspecified => "unspecified",
        }
    }

    /// Whether nothing follows.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Terminated)
    }

    /// Whether it is on its way to running.
    pub fn is_starting(self) -> bool {
        matches!(self, Self::Pending | Self::Creating | Self::Preparing)
    }

    /// An unknown number, from a newer server, is [`Self::Unspecified`].
    pub(super) fn from_wire(number: i32) -> Self {
        match State::try_from(number).unwrap_or(State::Unspecified) {
            State::Unspecified => Self::Unspecified,
            State::Creating => Self::Creating,
            State::Running => Self::Running,
            State::Completed => Self::Completed,
            State::Failed => Self::Failed,
            State::Terminating => Self::Terminating,
            State::Terminated => Self::Terminated,
            State::Pending => Self::Pending,
            State::Paused => Self::Paused,
            State::Preparing => Self::Preparing,
        }
    }

    pub(super) fn to_wire(self) -> State {
        match self {
            Self::Unspecified => State::Unspecified,
            Self::Creating => State::Creating,
            Self::Running => State::Running,
            Self::Completed => State::Completed,
            Self::Failed => State::Failed,
            Self::Terminating => State::Terminating,
            Self::Terminated => State::Terminated,
            Self::Pending => State::Pending,
            Self::Paused => State::Paused,
            Self::Preparing => State::Preparing,
        }
    }
}

impl fmt::Display for SandboxStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SandboxStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|status| status.name()).collect();
            Error::invalid("status", format!("{text:?} is none of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SandboxStatus;

    #[test]
    fn every_status_survives_its_way_over_the_wire_and_as_text() {
        for status in SandboxStatus::ALL {
            assert_eq!(SandboxStatus::from_wire(status.to_wire() as i32), status);
            assert_eq!(status.name().parse::<SandboxStatus>().unwrap(), status);
        }
    }

    #[test]
    fn an_unknown_number_is_unspecified_and_an_unknown_name_is_refused() {
        assert_eq!(SandboxStatus::from_wire(4711), SandboxStatus::Unspecified);
        let error = "runing".parse::<SandboxStatus>().unwrap_err();
        assert_eq!(error.field_violations()[0].field, "status");
    }
}
