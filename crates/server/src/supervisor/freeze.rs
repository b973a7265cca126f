//! Freezing a sandbox's processes and letting them go on. The state says so before anybody is told.

use std::sync::Arc;

use super::{Inner, NotRunning, Sandbox, State, Supervisor};
use crate::runtime::{Freezing, RuntimeError};

/// Why processes were not frozen, or not thawed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FreezeError {
    /// There is nothing to freeze.
    #[error("the sandbox is {}", .0.state.name())]
    NotRunning(NotRunning),
    /// The backend could not.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl Supervisor {
    /// Freezes a running sandbox; says by what. A frozen one stays so.
    pub async fn freeze(&self, sandbox: &Sandbox) -> Result<Freezing, FreezeError> {
        let _one_at_a_time = sandbox.freezing.lock().await;
        let snapshot = sandbox.snapshot();
        let instance = match (snapshot.state, snapshot.instance) {
            (State::Running | State::Paused, Some(instance)) => instance,
            (state, _) => return Err(FreezeError::NotRunning(NotRunning { state, reason: snapshot.reason })),
        };
        let by = instance.freeze().await?;
        self.0.turn(sandbox, State::Running, State::Paused);
        Ok(by)
    }

    /// Lets a frozen sandbox go on. `false` when there is none to let go: it ended meanwhile.
    pub async fn thaw(&self, sandbox: &Sandbox) -> Result<bool, FreezeError> {
        let _one_at_a_time = sandbox.freezing.lock().await;
        let snapshot = sandbox.snapshot();
        match (snapshot.state, snapshot.instance) {
            (State::Paused, Some(instance)) => {
                instance.thaw().await?;
                sandbox.activity.touch();
                Ok(self.0.turn(sandbox, State::Paused, State::Running))
            }
            (State::Running, Some(_)) => Ok(true),
            _ => Ok(false),
        }
    }

    /// After a restart: what was frozen is frozen again, as finding it let it go.
    pub(super) async fn freeze_again(&self, sandbox: &Arc<Sandbox>, instance: &dyn crate::runtime::Instance) {
        if sandbox.snapshot().state != State::Paused {
            return;
        }
        if let Err(error) = instance.freeze().await {
            tracing::warn!(sandbox = sandbox.draft.id, %error, "a paused sandbox runs: it could not be frozen again");
        }
    }
}

impl Inner {
    /// From one state to another, unless it is in neither by now.
    fn turn(&self, sandbox: &Sandbox, from: State, to: State) -> bool {
        let snapshot = sandbox.publish(|snapshot| {
            if snapshot.state == from {
                snapshot.state = to;
            }
        });
        self.store.note(&sandbox.draft.id, snapshot.progress());
        snapshot.state == to
    }
}
