//! A sandbox's states as they pass: asking, waiting, and what the last one means.
//! Must not know: how it was created or is stopped.

use std::time::Duration;

use futures::{Stream, stream};

use super::{
    Sandbox, SandboxInfo, SandboxStatus,
    poller::{CALM, EAGER, LAST_INTERVAL, POLL_TIMEOUT},
};
use crate::{
    client::CallOptions,
    error::{Error, ErrorKind},
    platform::{Instant, now, sleep, timeout},
};

/// How long polls may fail with what passes by itself.
const POLL_RETRY_BUDGET: Duration = Duration::from_secs(30);
/// How often to ask again for an exit code that a completed sandbox should have.
const EXIT_CODE_POLLS: usize = 2;

impl Sandbox {
    /// Asks the server for its state.
    ///
    /// # Errors
    /// Sandbox not found; as any call.
    pub async fn get_status(&self) -> Result<SandboxStatus, Error> {
        let id = self.start().await?;
        Ok(self.fetch(&id, &self.inner.calls).await?.status)
    }

    /// Waits until it runs; whoever waits for anything of it shares the polls. A main command that has already ended by
    /// itself counts, and so does a paused sandbox.
    ///
    /// # Errors
    /// Whatever kept it from being created; sandbox failed; sandbox terminated; wait timeout.
    pub async fn wait(&self, limit: Option<Duration>) -> Result<(), Error> {
        let limit = Limit::new(limit);
        let id = self.created_within(&limit).await?;
        if self.status() == SandboxStatus::Running {
            return Ok(());
        }
        let info = self.poll(&id, &limit, EAGER, "does not run", |info| !info.status.is_starting()).await?;
        match info.status {
            SandboxStatus::Failed | SandboxStatus::Terminated | SandboxStatus::Terminating => Err(ended(&info)),
            _ => Ok(()),
        }
    }

    /// Waits until it has ended: by itself, by being stopped, or by failing. Gives the main command's exit code, if any.
    ///
    /// # Errors
    /// Sandbox failed; sandbox terminated, if `raise_on_termination`; wait timeout; as any call.
    pub async fn wait_until_complete(
        &self,
        limit: Option<Duration>,
        raise_on_termination: bool,
    ) -> Result<Option<i32>, Error> {
        let limit = Limit::new(limit);
        let id = self.created_within(&limit).await?;
        let mut info = self.poll(&id, &limit, CALM, "has not ended", |info| info.status.is_terminal()).await?;
        for _ in 0..EXIT_CODE_POLLS {
            let lacks_code = info.status == SandboxStatus::Completed && info.exit_code.is_none();
            if !lacks_code || limit.left().is_some_and(|left| left <= LAST_INTERVAL) {
                break;
            }
            sleep(LAST_INTERVAL).await;
            info = self.fetch(&id, &CallOptions::timeout(POLL_TIMEOUT)).await?;
        }
        match info.status {
            SandboxStatus::Failed => Err(ended(&info)),
            SandboxStatus::Terminated if raise_on_termination => Err(ended(&info)),
            _ => Ok(info.exit_code),
        }
    }

    /// Its states from now on: the present one, then each that is seen to be another. Ends after the last one, or with an
    /// error. Asks the server only while it is read; a state that passes between two questions is not seen.
    pub fn status_changes(&self) -> impl Stream<Item = Result<SandboxStatus, Error>> + use<> {
        stream::unfold((self.clone(), None), |(sandbox, last)| async move {
            let next = match last {
                Some(Ok(last)) if SandboxStatus::is_terminal(last) => return None,
                Some(Err(())) => return None,
                Some(Ok(last)) => sandbox.next_status(Some(last)).await,
                None => sandbox.next_status(None).await,
            };
            let seen = next.as_ref().map(|status| *status).map_err(|_| ());
            Some((next, (sandbox, Some(seen))))
        })
    }

    async fn next_status(&self, last: Option<SandboxStatus>) -> Result<SandboxStatus, Error> {
        let id = self.start().await?;
        let known = self.status();
        if last.is_some_and(|last| last != known) {
            return Ok(known);
        }
        let info = self.poll(&id, &Limit::new(None), CALM, "", |info| Some(info.status) != last).await?;
        Ok(info.status)
    }

    /// The id of a sandbox that can be given work. Polls only where the server does not hold calls until it runs.
    pub(crate) async fn ready_for_work(&self) -> Result<String, Error> {
        let id = self.start().await?;
        let info = self.info();
        if info.status.is_terminal() || info.status == SandboxStatus::Terminating {
            return Err(if info.status == SandboxStatus::Failed { ended(&info) } else { takes_no_work(&info) });
        }
        if info.status != SandboxStatus::Running && !self.inner.client.waits_for_start() {
            self.wait(None).await?;
        }
        Ok(id)
    }

    /// Asks, and remembers the answer. Gives what is known then, which may be more.
    pub(super) async fn fetch(&self, id: &str, options: &CallOptions) -> Result<SandboxInfo, Error> {
        let ticket = self.inner.knowledge.ask();
        let answer = self.inner.client.get_sandbox(id, options).await?;
        if let Some(after) = self.inner.knowledge.learn(ticket, SandboxInfo::from_wire(answer)) {
            self.started(after);
        }
        Ok(self.info())
    }

    /// Waits for an answer that is `done`, together with all who wait for another, through failures that pass by
    /// themselves.
    pub(super) async fn poll(
        &self,
        id: &str,
        limit: &Limit,
        pace: Duration,
        what: &str,
        done: impl Fn(&SandboxInfo) -> bool,
    ) -> Result<SandboxInfo, Error> {
        let mut failing_since = None;
        let mut anew = Some(pace);
        loop {
            match timeout(limit.left(), self.inner.poller.round(self, id, anew.take())).await {
                Ok(Ok(info)) if done(&info) => return Ok(info),
                Ok(Ok(_)) => failing_since = None,
                Ok(Err(error)) => {
                    let since = *failing_since.get_or_insert_with(now);
                    if !error.retryable() || since.elapsed() >= POLL_RETRY_BUDGET {
                        return Err(error);
                    }
                }
                Err(_) => return Err(self.not_in_time(what, limit)),
            }
        }
    }

    async fn created_within(&self, limit: &Limit) -> Result<String, Error> {
        timeout(limit.left(), self.start()).await.map_err(|_| self.not_in_time("was not created", limit))?
    }

    fn not_in_time(&self, what: &str, limit: &Limit) -> Error {
        let info = self.info();
        let name = if info.id.is_empty() { "the sandbox".to_owned() } else { format!("sandbox {}", info.id) };
        let message = format!("{name} {what} within {:?}; it is {}", limit.limit.unwrap_or_default(), info.status);
        Error::new(ErrorKind::SandboxWaitTimeout, message).with_sandbox_id(info.id)
    }
}

/// How long somebody waits in all.
pub(super) struct Limit {
    start: Instant,
    limit: Option<Duration>,
}

impl Limit {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { start: now(), limit }
    }

    fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| self.start.remaining(limit))
    }
}

/// What the end of a sandbox is to somebody who waits for it.
fn ended(info: &SandboxInfo) -> Error {
    let kind = match info.status {
        SandboxStatus::Failed => ErrorKind::SandboxFailed,
        _ => ErrorKind::SandboxTerminated,
    };
    let reason = info.status_reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Error::new(kind, format!("sandbox {} is {}{reason}", info.id, info.status)).with_sandbox_id(&info.id)
}

/// What the end of a sandbox is to somebody who wants to use it.
fn takes_no_work(info: &SandboxInfo) -> Error {
    let reason = info.status_reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = format!("sandbox {} takes no work: it is {}{reason}", info.id, info.status);
    Error::new(ErrorKind::SandboxNotRunning, message).with_sandbox_id(&info.id)
}
