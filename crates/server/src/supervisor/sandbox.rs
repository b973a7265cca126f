//! One sandbox as everybody else sees it: what was asked for, its state now, and a way to wait for it.
//! The task in `life` is the only one that changes the state.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    holder::{Activity, Holder, Pooling},
    state::{Snapshot, State, to_nanos},
};
use crate::{
    runtime::{Instance, SandboxPlan},
    store::SandboxRow,
};

/// Pollers see a start for at least this long, so that the main command had time to print before a client that waits
/// for RUNNING asks for its log.
const SETTLE: Duration = Duration::from_millis(200);

/// A sandbox as asked for. Never changes.
pub(crate) struct Draft {
    /// Unique on this server.
    pub id: String,
    /// Empty when the caller gave none.
    pub request_id: String,
    /// Recognises a replay of the same request.
    pub request_digest: Vec<u8>,
    /// For people.
    pub display_name: String,
    /// For lists.
    pub tags: Vec<String>,
    /// The encoded specification, as it is echoed.
    pub spec: Bytes,
    /// What the runtime starts. Without file contents once it was accepted.
    pub plan: SandboxPlan,
    /// How it is served.
    pub runtime_class: String,
    /// `None` means without end.
    pub max_lifetime: Option<Duration>,
    /// When it was accepted.
    pub created: SystemTime,
}

/// Why a sandbox cannot be used now.
#[derive(Debug, Clone)]
pub(crate) struct NotRunning {
    /// Where it is instead.
    pub state: State,
    /// Why, in words.
    pub reason: String,
}

/// An order to stop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StopOrder {
    /// Between TERM and KILL.
    pub grace: Duration,
    /// Shown as the reason of the terminal state.
    pub reason: String,
}

/// One sandbox.
pub(crate) struct Sandbox {
    /// What was asked for.
    pub draft: Draft,
    /// When it was last used.
    pub activity: Activity,
    holder: RwLock<Holder>,
    state: watch::Sender<Snapshot>,
    /// Held while its processes are being frozen or thawed.
    pub(super) freezing: tokio::sync::Mutex<()>,
    pub(super) orders: watch::Sender<Option<StopOrder>>,
    /// Whether the runtime's resources were given back.
    pub(super) removed: watch::Sender<bool>,
}

impl Sandbox {
    pub(super) fn new(draft: Draft, holder: Holder, snapshot: Snapshot) -> Self {
        Self {
            draft,
            activity: Activity::new(),
            holder: RwLock::new(holder),
            freezing: tokio::sync::Mutex::new(()),
            state: watch::Sender::new(snapshot),
            orders: watch::Sender::new(None),
            removed: watch::Sender::new(false),
        }
    }

    /// The name of the container that is meant when none is named.
    pub fn primary(&self) -> &str {
        self.draft.plan.containers.first().map_or("", |container| &container.name)
    }

    /// The exit code of a container's main command, as far as it ended by itself and is remembered.
    pub fn container_exit(&self, container: &str) -> Option<i32> {
        let snapshot = self.state.borrow();
        let live = snapshot.instance.as_ref().and_then(|instance| instance.exit_code(container));
        live.or_else(|| snapshot.exits.get(container).copied())
    }

    /// Waits until a container's main command ended, or the whole sandbox did.
    pub async fn container_ended(&self, container: &str) {
        let instance = self.snapshot().instance;
        let exited = async {
            match &instance {
                Some(instance) => drop(instance.main_exit(container).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = exited => {}
            _ = self.ended() => {}
        }
    }

    /// Who has it.
    pub fn holder(&self) -> Holder {
        self.holder.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes it from the pool, unless somebody was faster.
    pub(super) fn take(&self, holder: Holder) -> bool {
        let mut held = self.holder.write().unwrap_or_else(PoisonError::into_inner);
        let free = held.pool == Pooling::Idle;
        if free {
            *held = holder;
        }
        free
    }

    /// The state now.
    pub fn snapshot(&self) -> Snapshot {
        self.state.borrow().clone()
    }

    /// The state to report to pollers: a start that just finished is reported as such once its main command printed,
    /// ended, or had its time; an order to stop counts before its task comes round to it.
    pub fn reported_state(&self) -> State {
        let snapshot = self.state.borrow();
        if !snapshot.state.is_terminal() && self.orders.borrow().is_some() {
            return State::Terminating;
        }
        if snapshot.state != State::Running || self.draft.created.elapsed().unwrap_or(SETTLE) >= SETTLE {
            return snapshot.state;
        }
        let printed = snapshot
            .instance
            .as_ref()
            .and_then(|instance| instance.logs(self.primary()))
            .and_then(|logs| std::fs::metadata(logs.index).ok())
            .is_some_and(|index| index.len() > 0);
        if printed { State::Running } else { State::Creating }
    }

    /// Waits until the sandbox can be used; at once when it runs.
    pub async fn ready(&self) -> Result<Arc<dyn Instance>, NotRunning> {
        let snapshot = self.started().await;
        match (snapshot.state, snapshot.instance) {
            (State::Running, Some(instance)) => Ok(instance),
            (state, _) => Err(NotRunning { state, reason: snapshot.reason }),
        }
    }

    /// Waits until the start is over, however it ended.
    pub async fn started(&self) -> Snapshot {
        self.wait_for(|snapshot| snapshot.state != State::Creating).await
    }

    /// Waits until nothing runs any more.
    pub async fn ended(&self) -> Snapshot {
        self.wait_for(|snapshot| snapshot.state.is_terminal()).await
    }

    async fn wait_for(&self, condition: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let mut changes = self.state.subscribe();
        // The sender is ours, so waiting cannot fail while we are here.
        match changes.wait_for(condition).await {
            Ok(snapshot) => snapshot.clone(),
            Err(_) => self.snapshot(),
        }
    }

    pub(super) fn publish(&self, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        self.state.send_modify(change);
        self.snapshot()
    }

    /// The row to keep. `plan` is the whole one, with what the draft no longer has.
    pub(super) fn row(&self, plan: &SandboxPlan) -> SandboxRow {
        let draft = &self.draft;
        SandboxRow {
            id: draft.id.clone(),
            request_id: draft.request_id.clone(),
            request_digest: draft.request_digest.clone(),
            display_name: draft.display_name.clone(),
            tags: serde_json::to_string(&draft.tags).unwrap_or_default(),
            spec: draft.spec.to_vec(),
            plan: serde_json::to_string(plan).unwrap_or_default(),
            runtime_class: draft.runtime_class.clone(),
            max_lifetime_seconds: draft.max_lifetime.map_or(0, |life| life.as_secs().cast_signed()),
            created_ns: to_nanos(draft.created),
            progress: self.state.borrow().progress(),
        }
    }
}
