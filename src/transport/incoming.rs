//! A stream of answers under a deadline. Must not know: what the messages mean.

use std::time::Duration;

use tonic::Streaming;

use crate::{
    error::{CallContext, Error},
    platform::{Instant, now, timeout},
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

/// The answers of a streaming call. Dropping it cancels the call.
pub(crate) struct Incoming<Res> {
    stream: Streaming<Res>,
    deadline: Deadline,
    context: CallContext,
}

impl<Res> Incoming<Res> {
    pub(crate) fn new(stream: Streaming<Res>, deadline: Deadline, context: CallContext) -> Self {
        Self { stream, deadline, context }
    }

    /// The next answer; `None` after a call that ended well.
    pub(crate) async fn next(&mut self) -> Option<Result<Res, Error>> {
        match timeout(self.deadline.remaining(), self.stream.message()).await {
            Ok(Ok(message)) => message.map(Ok),
            Ok(Err(status)) => Some(Err(Error::from_status(&status, &self.context))),
            Err(_) => Some(Err(self.deadline.exceeded(&self.context))),
        }
    }
}
