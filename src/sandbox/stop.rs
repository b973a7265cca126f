//! Ending a sandbox. Must not know: what ran in it.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{Sandbox, SandboxInfo, SandboxStatus, lifecycle::Limit, poller::EAGER};
use crate::{
    client::{self, CallOptions, Client},
    error::{Error, ErrorKind},
    platform::{now, sleep},
    wire,
};

/// How long a sandbox's processes get to end by themselves.
pub const DEFAULT_GRACEFUL_SHUTDOWN: Duration = Duration::from_secs(10);

/// What a call gets on top of the time that the server was given.
const CALL_BUFFER: Duration = Duration::from_secs(10);
/// What the server gets on top to save volumes.
const SAVING: Duration = Duration::from_secs(600);
/// How long after its removal a sandbox may be unknown before its last state counts as lost.
const LAST_STATE_BUDGET: Duration = Duration::from_secs(2);
const LAST_STATE_INTERVAL: Duration = Duration::from_millis(200);

/// How to stop a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopOptions {
    /// How long its processes get to end by themselves; zero kills them at once. Default: 10 s.
    pub graceful_shutdown: Duration,
    /// Whether a sandbox that does not exist is fine. Rules out snapshots.
    pub missing_ok: bool,
    /// Takes a snapshot of every scratch volume first; see [`Sandbox::snapshot_ids`]. When one fails, nothing is stopped.
    pub snapshot_on_stop: bool,
    /// As `snapshot_on_stop`, of these scratch volumes only.
    pub snapshot_volumes: Vec<String>,
}

impl Default for StopOptions {
    fn default() -> Self {
        Self {
            graceful_shutdown: DEFAULT_GRACEFUL_SHUTDOWN,
            missing_ok: false,
            snapshot_on_stop: false,
            snapshot_volumes: Vec::new(),
        }
    }
}

impl StopOptions {
    /// Sets how long its processes get to end by themselves.
    pub fn graceful_shutdown(mut self, grace: Duration) -> Self {
        self.graceful_shutdown = grace;
        self
    }

    /// Sets whether a sandbox that does not exist is fine.
    pub fn missing_ok(mut self, missing_ok: bool) -> Self {
        self.missing_ok = missing_ok;
        self
    }

    /// Sets whether a snapshot of every scratch volume is taken first.
    pub fn snapshot_on_stop(mut self, snapshot: bool) -> Self {
        self.snapshot_on_stop = snapshot;
        self
    }

    /// Adds a scratch volume of which a snapshot is taken first.
    pub fn snapshot_volume(mut self, name: impl Into<String>) -> Self {
        self.snapshot_volumes.push(name.into());
        self
    }

    fn saves(&self) -> bool {
        self.snapshot_on_stop || !self.snapshot_volumes.is_empty()
    }
}

/// How to delete a sandbox: as stopping it, without waiting for its end.
pub type DeleteOptions = StopOptions;

impl Sandbox {
    /// Stops it and waits for its end. Callers at the same time share one stop, with the first one's options. One that has
    /// ended already is left alone, and one that was never started never will be.
    ///
    /// # Errors
    /// Sandbox not found, unless `missing_ok`; terminal state unavailable, when it is gone before its last state was
    /// learnt; snapshot on stop conflict, when snapshots are asked for and it is being stopped without, has ended, or
    /// `missing_ok` is set, too; wait timeout; as any call.
    pub async fn stop(&self, options: StopOptions) -> Result<(), Error> {
        if options.saves() {
            let conflict = |why: &str| Err(Error::new(ErrorKind::SnapshotOnStopConflict, why.to_owned()));
            if options.missing_ok {
                return conflict("a sandbox that may be missing cannot be saved; leave out missingOk or the snapshots");
            }
            let over = self.status().is_terminal() || self.status() == SandboxStatus::Terminating;
            let (stopping, saving) = (self.inner.stopping.is_under_way(), self.inner.saving.load(Ordering::SeqCst));
            if (over || stopping) && !saving {
                return conflict("it is being stopped already, or has ended; what its volumes held cannot be saved");
            }
        }
        let stopping = self.inner.stopping.join(|| {
            self.inner.saving.store(options.saves(), Ordering::SeqCst);
            let sandbox = self.clone();
            Box::pin(async move { sandbox.stop_once(options).await })
        });
        stopping.await
    }

    async fn stop_once(&self, options: StopOptions) -> Result<(), Error> {
        if self.inner.beginning.rule_out() {
            // What was never asked for needs no end, and is not to begin any more.
            self.inner.knowledge.end();
            return Ok(());
        }
        let id = match self.start().await {
            Err(error) if options.missing_ok && was_refused(&error) => {
                self.inner.knowledge.end();
                return Ok(());
            }
            started => started?,
        };
        if self.status().is_terminal() {
            return Ok(());
        }
        let grace = options.graceful_shutdown;
        let missing_ok = options.missing_ok;
        if options.saves() {
            // Which volumes it has, its server says.
            self.wait(None).await?;
        }
        if self.remove(&id, options).await? {
            return Ok(());
        }
        self.last_state(&id, grace + CALL_BUFFER, missing_ok).await
    }

    /// Polls to the last state; a server may forget the sandbox meanwhile.
    async fn last_state(&self, id: &str, limit: Duration, missing_ok: bool) -> Result<(), Error> {
        let limit = Limit::new(Some(limit));
        let mut missing_since = None;
        loop {
            let polling = self.poll(id, &limit, EAGER, "has not ended", |info| info.status.is_terminal());
            let error = match polling.await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::SandboxNotFound => error,
                Err(error) => return Err(error),
            };
            self.inner.knowledge.end();
            if missing_ok {
                return Ok(());
            }
            if missing_since.get_or_insert_with(now).elapsed() >= LAST_STATE_BUDGET {
                let message = format!("sandbox {id} was stopped, but the server does not know its last state any more");
                return Err(Error::new(ErrorKind::TerminalStateUnavailable, message)
                    .with_sandbox_id(id)
                    .with_source(error));
            }
            sleep(LAST_STATE_INTERVAL).await;
        }
    }

    /// Has it stopped and removed without waiting for its end.
    ///
    /// # Errors
    /// Sandbox not found, unless `missing_ok`; as any call.
    pub async fn delete(&self, options: DeleteOptions) -> Result<(), Error> {
        if self.inner.beginning.rule_out() {
            self.inner.knowledge.end();
            return Ok(());
        }
        let id = self.start().await?;
        self.remove(&id, options).await.map(drop)
    }

    /// Has it removed. Says whether it is known to have ended already.
    async fn remove(&self, id: &str, options: DeleteOptions) -> Result<bool, Error> {
        let ticket = self.inner.knowledge.ask();
        let DeleteOptions { snapshot_on_stop, mut snapshot_volumes, .. } = options.clone();
        if snapshot_on_stop {
            let all = self.info().scratch_volumes;
            snapshot_volumes.extend(all.into_iter().filter(|name| !options.snapshot_volumes.contains(name)));
            if snapshot_volumes.is_empty() {
                let fix = "it has no scratch volume that could be saved; create it with `volumes`";
                return Err(Error::invalid("snapshotOnStop", fix));
            }
        }
        let (sandbox, snapshots) =
            delete(&self.inner.client, id, DeleteOptions { snapshot_volumes, ..options }).await?;
        self.inner.snapshots.lock().unwrap_or_else(PoisonError::into_inner).extend(snapshots);
        match sandbox {
            Some(sandbox) => drop(self.inner.knowledge.learn(ticket, SandboxInfo::from_wire(sandbox))),
            None => self.inner.knowledge.end(),
        }
        self.inner.poller.hurry_up();
        Ok(self.status().is_terminal())
    }

    /// Has the sandbox with this id stopped and removed without waiting for its end.
    ///
    /// # Errors
    /// Validation for an empty id; sandbox not found, unless `missing_ok`; as any call.
    pub async fn delete_by_id(client: &Client, id: &str, options: DeleteOptions) -> Result<(), Error> {
        if id.is_empty() {
            return Err(Error::invalid("sandboxId", "must be the id of a sandbox"));
        }
        delete(client, id, options).await.map(drop)
    }
}

/// Whether a creation that failed this way has left nothing behind. Where the answer was lost there may be a sandbox.
fn was_refused(error: &Error) -> bool {
    let ambiguous = [ErrorKind::Network, ErrorKind::SandboxUnavailable, ErrorKind::SandboxTimeout, ErrorKind::Protocol];
    !ambiguous.iter().any(|kind| error.kind().is(*kind))
}

/// `None`: there was none, and that is fine.
async fn delete(
    client: &Client,
    id: &str,
    options: DeleteOptions,
) -> Result<(Option<wire::Sandbox>, Vec<String>), Error> {
    let saving = if options.snapshot_volumes.is_empty() { Duration::ZERO } else { SAVING };
    let DeleteOptions { graceful_shutdown, missing_ok, snapshot_on_stop: _, snapshot_volumes } = options;
    let seconds = graceful_shutdown.as_secs() + u64::from(graceful_shutdown.subsec_nanos() > 0);
    let grace_period_seconds = i32::try_from(seconds)
        .map_err(|_| Error::invalid("gracefulShutdownSeconds", format!("must be at most {}", i32::MAX)))?;
    let request = wire::DeleteSandboxRequest {
        sandbox_id: id.to_owned(),
        grace_period_seconds,
        snapshot_volumes,
        request_id: client::request_id()?,
        allow_missing: missing_ok,
    };
    let calls = CallOptions::timeout(graceful_shutdown + saving + CALL_BUFFER);
    match client.delete_sandbox(request, &calls).await {
        Ok(answer) => Ok((answer.sandbox, answer.file_system_snapshot_ids)),
        Err(error) if missing_ok && error.kind() == ErrorKind::SandboxNotFound => Ok((None, Vec::new())),
        Err(error) => Err(error),
    }
}
