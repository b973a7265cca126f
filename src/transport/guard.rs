//! What ends a call before its end: its deadline, or whoever holds it. Must not know: what carries the call.

use std::{cell::Cell, rc::Rc};

use futures::future::{AbortHandle, abortable};
use web_sys::{AbortController, AbortSignal};

use super::{Deadline, pipe::Thrown};
use crate::{
    error::{CallContext, Error, ErrorKind},
    platform::{sleep, spawn},
};

/// Aborts its call when it is dropped, and when the deadline passes.
pub(crate) struct Guard {
    controller: AbortController,
    timed_out: Rc<Cell<bool>>,
    timer: Option<AbortHandle>,
    deadline: Deadline,
    context: CallContext,
}

impl Guard {
    /// Starts the deadline's timer.
    ///
    /// # Errors
    /// Configuration, where the host has no `AbortController`.
    pub(crate) fn new(deadline: Deadline, context: CallContext) -> Result<Self, Error> {
        let missing = |_| Error::new(ErrorKind::Configuration, "this host has no AbortController");
        let controller = AbortController::new().map_err(missing)?;
        let timed_out = Rc::new(Cell::new(false));
        let timer = deadline.remaining().map(|left| {
            let (controller, timed_out) = (controller.clone(), timed_out.clone());
            let (task, handle) = abortable(async move {
                sleep(left).await;
                timed_out.set(true);
                controller.abort();
            });
            spawn(async move {
                let _ = task.await;
            });
            handle
        });
        Ok(Self { controller, timed_out, timer, deadline, context })
    }

    pub(crate) fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }

    pub(crate) fn context(&self) -> &CallContext {
        &self.context
    }

    pub(crate) fn abort(&self) {
        self.controller.abort();
    }

    /// What a failure of the pipe means to this call.
    pub(crate) fn error(&self, thrown: Thrown) -> Error {
        if self.timed_out.get() {
            return self.deadline.exceeded(&self.context);
        }
        let thrown = if self.signal().aborted() { Thrown::Aborted } else { thrown };
        Error::from(thrown).in_call(&self.context)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
        // After the end of a call this does nothing.
        self.controller.abort();
    }
}
