//! A sandbox's states as they pass: asking, waiting, and what the last one means.
//! Must not know: how it was created or is stopped.

use std::time::Duration;

use super::{Sandbox, SandboxInfo, SandboxStatus};
use crate::{
    client::CallOptions,
    error::{Error, ErrorKind},
    platform::{now, sleep, timeout},
};

/// What takes its time is asked for seldom.
const CALM: Duration = Duration::from_millis(200);
/// What should happen at once is asked for often at first.
pub(super) const EAGER: Duration = Duration::from_millis(25);
const INTERVAL_FACTOR: f64 = 1.5;
const LAST_INTERVAL: Duration = Duration::from_secs(2);
/// How long one poll may take.
const POLL_TIMEOUT: Duration = Duration::from_secs(15);
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

    /// Waits until it runs; who waits at the same time shares the polls. A main command that has already ended by itself counts, and so does a paused sandbox.
    ///
    /// # Errors
    /// Whatever kept it from being created; sandbox failed; sandbox terminated; wait timeout.
    pub async fn wait(&self, limit: Option<Duration>) -> Result<(), Error> {
        let start = now();
        let id = timeout(limit, self.start()).await.map_err(|_| self.not_in_time("was not created", limit))??;
        if self.status() == SandboxStatus::Running {
            return Ok(());
        }
        let left = limit.map(|limit| start.remaining(limit));
        let running = self.inner.running.join(|| {
            let sandbox = self.clone();
            Box::pin(
                async move { sandbox.poll(&id, None, EAGER, "does not run", |info| !info.status.is_starting()).await },
            )
        });
        let info = timeout(left, running).await.map_err(|_| self.not_in_time("does not run", limit))??;
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
        let start = now();
        let id = timeout(limit, self.start()).await.map_err(|_| self.not_in_time("was not created", limit))??;
        let left = || limit.map(|limit| start.remaining(limit));
        let mut info = self.poll(&id, left(), CALM, "has not ended", |info| info.status.is_terminal()).await?;
        for _ in 0..EXIT_CODE_POLLS {
            if info.status != SandboxStatus::Completed || info.exit_code.is_some() {
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

    /// The id of a sandbox that can be given work. Polls only where the server does not hold calls until it runs.
    pub(super) async fn ready_for_work(&self) -> Result<String, Error> {
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

    /// Asks, and remembers the answer.
    pub(super) async fn fetch(&self, id: &str, options: &CallOptions) -> Result<SandboxInfo, Error> {
        let info = SandboxInfo::from_wire(self.inner.client.get_sandbox(id, options).await?);
        *self.inner.known() = info.clone();
        Ok(info)
    }

    /// Asks again and again until `done`, ever less often, through failures that pass by themselves.
    pub(super) async fn poll(
        &self,
        id: &str,
        limit: Option<Duration>,
        first_interval: Duration,
        what: &str,
        done: impl Fn(&SandboxInfo) -> bool,
    ) -> Result<SandboxInfo, Error> {
        let start = now();
        let mut failing_since = None;
        let mut interval = first_interval;
        loop {
            let left = limit.map(|limit| start.remaining(limit));
            match timeout(left, self.fetch(id, &CallOptions::timeout(POLL_TIMEOUT))).await {
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
            let pause = limit.map_or(interval, |limit| interval.min(start.remaining(limit)));
            sleep(pause).await;
            interval = interval.mul_f64(INTERVAL_FACTOR).min(LAST_INTERVAL);
        }
    }

    fn not_in_time(&self, what: &str, limit: Option<Duration>) -> Error {
        let info = self.info();
        let name = if info.id.is_empty() { "the sandbox".to_owned() } else { format!("sandbox {}", info.id) };
        let message = format!("{name} {what} within {:?}; it is {}", limit.unwrap_or_default(), info.status);
        Error::new(ErrorKind::SandboxWaitTimeout, message).with_sandbox_id(info.id)
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
