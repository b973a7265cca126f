//! The life of sandboxes: which ones there are, desired and actual state, timers. Starts one task per sandbox.
//! Must not know: the wire, HTTP.

mod addresses;
mod adopt;
mod freeze;
mod holder;
mod life;
mod sandbox;
mod sessions;
mod startup;
mod state;
mod workspace;

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, RwLock},
    time::Duration,
};

use tokio_util::task::TaskTracker;
use tracing::Span;

pub(crate) use freeze::FreezeError;
pub(crate) use holder::{Holder, Pooling};
pub(crate) use sandbox::{Draft, NotRunning, Sandbox};
pub(crate) use sessions::{Held, Moment, Session, SessionError, SessionState, want};
pub(crate) use state::State;

use crate::{
    egress::Egress,
    runtime::{Runtime, SandboxPlan},
    store::{KeptOrder, Store, StoreError},
    trace::TRACE_TARGET,
};
use life::Origin;
use sandbox::StopOrder;
use state::Snapshot;

/// What processes get between TERM and KILL when nobody says otherwise.
pub(crate) const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// What killing and clearing away may take beyond the grace when the server stops.
const STOP_SLACK: Duration = Duration::from_secs(15);

/// How the supervisor is set up.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How long a finished sandbox stays visible.
    pub retention: Duration,
    /// Live sandboxes at a time.
    pub max_sandboxes: usize,
    /// The way out of sandboxes.
    pub egress: Arc<Egress>,
    /// Whether each service gets a loopback address of its own.
    pub service_addresses: bool,
    /// Where sessions' workspaces are saved.
    pub workspaces: std::path::PathBuf,
}

/// Why a sandbox was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// The request id was used for something else.
    #[error("request id {0:?} was already used for a sandbox with another specification")]
    RequestIdConflict(String),
    /// No room.
    #[error("{0} sandboxes are live already, which is this server's limit")]
    Full(usize),
    /// The state could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every sandbox of this server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Supervisor(Arc<Inner>);

struct Inner {
    runtime: Arc<dyn Runtime>,
    store: Store,
    options: Options,
    registry: RwLock<Registry>,
    sessions: sessions::Sessions,
    lives: TaskTracker,
}

#[derive(Default)]
struct Registry {
    by_id: HashMap<String, Arc<Sandbox>>,
    by_request: HashMap<String, Arc<Sandbox>>,
    by_address: HashMap<Ipv4Addr, Arc<Sandbox>>,
}

impl Supervisor {
    /// Finds what an earlier server left running, and removes what is left of the rest.
    pub async fn open(runtime: Arc<dyn Runtime>, store: Store, options: Options) -> Result<Self, adopt::AdoptError> {
        let inner = Inner {
            runtime,
            store,
            options,
            registry: RwLock::default(),
            sessions: sessions::Sessions::default(),
            lives: TaskTracker::new(),
        };
        let supervisor = Self(Arc::new(inner));
        supervisor.adopt().await?;
        supervisor.load_sessions().await?;
        Ok(supervisor)
    }

    /// The backend.
    pub fn runtime(&self) -> &dyn Runtime {
        &*self.0.runtime
    }

    /// The way out of sandboxes.
    pub fn egress(&self) -> &Egress {
        &self.0.options.egress
    }

    /// Accepts a sandbox for `holder` and starts it in the background. A replay of a request gives the sandbox of the
    /// first one.
    pub async fn create_for(&self, mut draft: Draft, holder: Holder) -> Result<Arc<Sandbox>, CreateError> {
        if let Some(earlier) = self.replayed(&draft)? {
            // It may be about to be written; an answer means that it is.
            self.0.store.flush().await?;
            return Ok(earlier);
        }
        let mut plan = draft.plan.clone();
        strip(&mut draft.plan);
        let sandbox = {
            let mut registry = self.0.write();
            if let Some(earlier) = registry.by_request.get(&draft.request_id) {
                if earlier.draft.request_digest == draft.request_digest && earlier.holder().user == holder.user {
                    return Ok(earlier.clone());
                }
                return Err(CreateError::RequestIdConflict(draft.request_id));
            }
            let live = registry.by_id.values().filter(|other| !other.snapshot().state.is_terminal()).count();
            if live >= self.0.options.max_sandboxes {
                return Err(CreateError::Full(live));
            }
            if self.0.options.service_addresses {
                addresses::give(&mut draft.plan, |address| registry.by_address.contains_key(&address));
                plan.network = draft.plan.network.clone();
            }
            let sandbox = Arc::new(Sandbox::new(draft, holder, Snapshot::new()));
            registry.add(sandbox.clone());
            sandbox
        };
        let inserted = match self.0.store.insert(sandbox.row(&plan)).await {
            Ok(()) => self.0.hold(&sandbox).await,
            failed => failed,
        };
        if let Err(error) = inserted {
            self.0.write().remove(&sandbox);
            return Err(error.into());
        }
        self.spawn(sandbox.clone(), Origin::New(plan));
        Ok(sandbox)
    }

    /// The sandbox that the same request made earlier.
    fn replayed(&self, draft: &Draft) -> Result<Option<Arc<Sandbox>>, CreateError> {
        match self.0.read().by_request.get(&draft.request_id) {
            Some(earlier) if earlier.draft.request_digest != draft.request_digest => {
                Err(CreateError::RequestIdConflict(draft.request_id.clone()))
            }
            earlier => Ok(earlier.cloned()),
        }
    }

    /// The sandbox with that id.
    pub fn get(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.0.read().by_id.get(id).cloned()
    }

    /// The sandbox that serves at a loopback address, and on which port of its own.
    pub fn at(&self, address: Ipv4Addr) -> Option<(Arc<Sandbox>, u16)> {
        let sandbox = self.0.read().by_address.get(&address).cloned()?;
        let port = sandbox.draft.plan.network.services.iter().find(|service| service.address == Some(address))?.port;
        Some((sandbox, port))
    }

    /// Every sandbox, the newest first; ties are broken by id, so the order never changes between pages.
    pub fn list(&self) -> Vec<Arc<Sandbox>> {
        let mut all: Vec<_> = self.0.read().by_id.values().cloned().collect();
        all.sort_by(|a, b| (b.draft.created, &b.draft.id).cmp(&(a.draft.created, &a.draft.id)));
        all
    }

    /// Orders a sandbox to stop. Returns at once; a second order changes nothing.
    pub fn stop(&self, sandbox: &Sandbox, grace: Duration, reason: &str) {
        sandbox.orders.send_if_modified(|order| {
            let first = order.is_none();
            if first {
                *order = Some(StopOrder { grace, reason: reason.to_owned() });
            }
            first
        });
    }

    /// Orders sandboxes to stop. The orders outlive this server once this returns.
    ///
    /// # Errors
    /// When they cannot be kept; they are carried out all the same.
    pub async fn order(&self, sandboxes: &[Arc<Sandbox>], grace: Duration, reason: &str) -> Result<(), StoreError> {
        let order = |sandbox: &Arc<Sandbox>| {
            self.stop(sandbox, grace, reason);
            KeptOrder { id: sandbox.draft.id.clone(), grace, reason: reason.to_owned() }
        };
        self.0.store.keep_orders(sandboxes.iter().map(order).collect()).await
    }

    /// Stops every sandbox and returns when their resources are given back and their state is written.
    pub async fn stop_all(&self, grace: Duration, reason: &str) {
        let all = self.list();
        for sandbox in &all {
            self.stop(sandbox, grace, reason);
        }
        let gone = async {
            for sandbox in &all {
                let mut removed = sandbox.removed.subscribe();
                let _ = removed.wait_for(|removed| *removed).await;
                sandbox.ended().await;
            }
        };
        if tokio::time::timeout(grace + STOP_SLACK, gone).await.is_err() {
            tracing::error!("some sandboxes did not stop; the next start takes them over or removes them");
        }
        self.flush().await;
    }

    /// Returns when every state so far is written.
    pub async fn flush(&self) {
        if let Err(error) = self.0.store.flush().await {
            tracing::error!(%error, "state could not be written");
        }
    }

    /// Gives an idle sandbox of the pool to `holder`: one whose plan `fits`. Durable once this returns.
    pub async fn take(
        &self,
        holder: &Holder,
        fits: impl Fn(&Draft) -> bool,
    ) -> Result<Option<Arc<Sandbox>>, StoreError> {
        let found = {
            let registry = self.0.read();
            let mut idle = registry.by_id.values().filter(|sandbox| {
                sandbox.snapshot().state == State::Running && sandbox.orders.borrow().is_none() && fits(&sandbox.draft)
            });
            idle.find(|sandbox| sandbox.take(holder.clone())).cloned()
        };
        if let Some(sandbox) = &found {
            sandbox.activity.touch();
            self.0.hold(sandbox).await?;
        }
        Ok(found)
    }

    fn spawn(&self, sandbox: Arc<Sandbox>, origin: Origin) {
        // Part of the call that asks for it, which does not wait for its end.
        let start = match &origin {
            Origin::New(_) => {
                tracing::info_span!(target: TRACE_TARGET, "start sandbox", jetway.sandbox = sandbox.draft.id)
            }
            Origin::Adopted(_) | Origin::Over => Span::none(),
        };
        self.0.lives.spawn(life::live(self.0.clone(), sandbox, origin, start));
    }
}

impl Inner {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keeps who has a sandbox. That it is nobody in particular goes without saying.
    async fn hold(&self, sandbox: &Sandbox) -> Result<(), StoreError> {
        let holder = sandbox.holder();
        if holder == Holder::default() {
            return Ok(());
        }
        self.store.hold(&sandbox.draft.id, &holder.user, holder.pool.name()).await
    }

    async fn forget(&self, sandbox: &Sandbox) {
        self.write().remove(sandbox);
        if let Err(error) = self.store.delete(&sandbox.draft.id).await {
            tracing::error!(sandbox = sandbox.draft.id, %error, "sandbox could not be forgotten");
        }
    }
}

/// Takes out what only a start needs: file contents and secrets. Drafts live as long as their sandboxes.
fn strip(plan: &mut SandboxPlan) {
    for container in &mut plan.containers {
        container.files.clear();
        container.secret_env.0.clear();
        container.login = None;
    }
}

impl Registry {
    fn add(&mut self, sandbox: Arc<Sandbox>) {
        if !sandbox.draft.request_id.is_empty() {
            self.by_request.insert(sandbox.draft.request_id.clone(), sandbox.clone());
        }
        for address in sandbox.draft.plan.network.services.iter().filter_map(|service| service.address) {
            self.by_address.insert(address, sandbox.clone());
        }
        self.by_id.insert(sandbox.draft.id.clone(), sandbox);
    }

    fn remove(&mut self, sandbox: &Sandbox) {
        self.by_request.remove(&sandbox.draft.request_id);
        self.by_id.remove(&sandbox.draft.id);
        for address in sandbox.draft.plan.network.services.iter().filter_map(|service| service.address) {
            self.by_address.remove(&address);
        }
    }
}
