//! The time that a call may take. Must not know: what carries it.

use std::time::Duration;

use crate::{
    error::{CallContext, Error},
    platform::{Instant, now},
};

/// A call's time, counted from its start.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    start: Instant,
    limit: Option<Duration>,
}

impl Deadline {
    pub(crate) fn start(limit: Option<Duration>) -> Self {
        Self { start: now(), limit }
    }

    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.limit.map(|limit| self.start.remaining(limit))
    }

    /// The error that a passed deadline means to this call.
    pub(crate) fn exceeded(&self, context: &CallContext) -> Error {
        let limit = self.limit.unwrap_or_default();
        let message = format!("{} did not finish within {limit:?}", context.operation.name());
        Error::from_status(&tonic::Status::deadline_exceeded(message), context)
    }
}
