//! A restart: sandboxes that run are found again, what is left of the others is removed.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
    time::SystemTime,
};

use prost::Message;

use super::{
    DEFAULT_GRACE, Draft, Holder, Pooling, Sandbox, State, Supervisor,
    life::Origin,
    state::{Snapshot, from_nanos},
    strip,
};
use crate::{
    runtime::{RuntimeError, SandboxPlan},
    store::{KeptOrder, SandboxRow, StoreError},
    wire::sandbox::{Container, SandboxSpec},
};

/// Why an earlier server's sandboxes could not be taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdoptError {
    /// The state could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backend could not look.
    #[error("sandboxes of an earlier run could not be taken over: {0}")]
    Runtime(#[from] RuntimeError),
}

impl Supervisor {
    /// Reads every kept sandbox and takes its life up where it is.
    pub(super) async fn adopt(&self) -> Result<(), AdoptError> {
        let mut running = Vec::new();
        let mut keep = HashSet::new();
        let mut holders = self.0.store.holders().await?;
        let orders = self.0.store.orders().await?.into_iter().map(|order| (order.id.clone(), order));
        let orders: HashMap<String, KeptOrder> = orders.collect();
        for row in self.0.store.load().await? {
            let id = row.id.clone();
            let (mut draft, mut snapshot) = match restore(row) {
                Ok(restored) => restored,
                Err(error) => {
                    tracing::error!(sandbox = id, %error, "a kept sandbox cannot be read and is forgotten");
                    self.0.store.delete(&id).await?;
                    continue;
                }
            };
            let mut origin = Origin::Over;
            let mut plan = draft.plan.clone();
            strip(&mut draft.plan);
            if !snapshot.state.is_terminal() {
                match self.0.runtime.adopt(draft.plan.clone()).await {
                    Ok(Some(instance)) => {
                        keep.insert(id.clone());
                        // Whoever is told that it runs may use it at once, before its task comes round to it.
                        snapshot.instance = Some(instance.clone());
                        origin = Origin::Adopted(instance);
                    }
                    // It was accepted, and the server died before it ran: begin anew. What there is of it is swept.
                    Ok(None) if snapshot.state == State::Creating && !needs_secrets(&draft) => {
                        plan.network = draft.plan.network.clone();
                        origin = Origin::New(plan);
                    }
                    Ok(None) => lost(&mut snapshot, "its agent died while the server was away"),
                    Err(error) => lost(&mut snapshot, &error.to_string()),
                }
                tracing::info!(sandbox = id, state = snapshot.state.name(), "found a sandbox of an earlier run");
            }
            if snapshot.state.is_terminal() {
                match self.0.runtime.remains(&draft.plan).await {
                    Ok(remains) => snapshot.instance = remains,
                    Err(error) => tracing::warn!(sandbox = id, %error, "a finished sandbox's log cannot be kept"),
                }
            }
            self.0.store.note(&id, snapshot.progress());
            let stopping = snapshot.state == State::Terminating;
            let holder = holders.remove(&id).map(|(user, pool)| Holder { user, pool: Pooling::from_name(&pool) });
            let sandbox = Arc::new(Sandbox::new(draft, holder.unwrap_or_default(), snapshot));
            if let Origin::Adopted(instance) = &origin {
                self.freeze_again(&sandbox, &**instance).await;
            }
            if let Some(KeptOrder { grace, reason, .. }) = orders.get(&id) {
                self.stop(&sandbox, *grace, reason);
            } else if stopping {
                self.stop(&sandbox, DEFAULT_GRACE, "deleted");
            } else if sandbox.holder().pool == Pooling::Idle {
                self.stop(&sandbox, Duration::ZERO, "the pool begins anew with the server");
            }
            self.0.write().add(sandbox.clone());
            running.push((sandbox, origin));
        }
        self.0.runtime.sweep(&keep).await?;
        for (sandbox, origin) in running {
            self.spawn(sandbox, origin);
        }
        Ok(())
    }
}

/// Whether its start needs values that are not kept.
fn needs_secrets(draft: &Draft) -> bool {
    // A specification that cannot be read was written by nobody we know.
    SandboxSpec::decode(draft.spec.clone()).map_or(true, |spec| {
        let secret = |one: &Container| !one.secret_stores.is_empty() || one.image_pull_credentials.is_some();
        spec.containers.iter().any(secret)
    })
}

fn lost(snapshot: &mut Snapshot, why: &str) {
    // Somebody had asked for its end already: then this is it.
    let stopping = snapshot.state == State::Terminating;
    snapshot.state = if stopping { State::Terminated } else { State::Failed };
    snapshot.reason = format!("the sandbox was lost: {why}");
    snapshot.ended = Some(SystemTime::now());
}

fn restore(row: SandboxRow) -> Result<(Draft, Snapshot), serde_json::Error> {
    let snapshot = Snapshot::from_progress(&row.progress);
    let plan: SandboxPlan = serde_json::from_str(&row.plan)?;
    let seconds = row.max_lifetime_seconds.max(0).unsigned_abs();
    let draft = Draft {
        tags: serde_json::from_str(&row.tags)?,
        plan,
        id: row.id,
        request_id: row.request_id,
        request_digest: row.request_digest,
        display_name: row.display_name,
        spec: row.spec.into(),
        runtime_class: row.runtime_class,
        max_lifetime: (seconds > 0).then(|| Duration::from_secs(seconds)),
        created: from_nanos(row.created_ns),
    };
    Ok((draft, snapshot))
}
