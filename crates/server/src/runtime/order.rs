//! The order in which a sandbox's containers start, and when one counts as started.
//! Must not know: who keeps to it.

use std::time::Duration;

/// A command that is repeated until it succeeds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProbePlan {
    /// Never empty.
    pub argv: Vec<String>,
    /// Between two attempts.
    pub period: Duration,
    /// Of one attempt.
    pub timeout: Duration,
    /// This many failures in a row are too many.
    pub failure_threshold: u32,
    /// Before the first attempt.
    pub initial_delay: Duration,
}

/// What has to be so before a container's main command starts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct After {
    /// Another container of the sandbox.
    pub container: String,
    /// How far it must be.
    pub condition: Condition,
}

/// How far a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Condition {
    /// Its main command runs.
    Started,
    /// Its probe succeeded; without one: its main command runs.
    Ready,
    /// Its main command ended with 0.
    Succeeded,
}
