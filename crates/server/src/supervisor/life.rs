//! The life of one sandbox, from start to the end of its retention. One task each, the only writer of its state.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span};

use super::{
    Inner,
    sandbox::{Sandbox, StopOrder},
    startup,
    state::{Snapshot, State},
};
use crate::runtime::{ExitStatus, Instance, SandboxPlan};

/// How long the main command's own exit may lag behind the news that its sandbox is gone.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Where a life begins.
pub(super) enum Origin {
    /// Just accepted.
    New(SandboxPlan),
    /// Found running after a restart.
    Adopted(Arc<dyn Instance>),
    /// Over already; only its retention is left.
    Over,
}

/// Why a sandbox stops running.
enum Ending {
    NotStarted(String),
    Exited(ExitStatus),
    Lost,
    Ordered(StopOrder),
}

/// Lives a sandbox's life. `start` is the span that its start belongs to.
pub(super) async fn live(inner: Arc<Inner>, sandbox: Arc<Sandbox>, origin: Origin, start: Span) {
    let had_files = matches!(&origin, Origin::New(plan) if plan.containers.iter().any(|one| !one.files.is_empty()));
    let instance = match origin {
        Origin::New(plan) => match inner.runtime.start(plan).instrument(start).await {
            Ok(instance) => Some(instance),
            Err(error) => {
                end(&inner, &sandbox, State::Failed, format!("could not start: {error}"), None);
                None
            }
        },
        Origin::Adopted(instance) => Some(instance),
        Origin::Over => None,
    };
    if let Some(instance) = instance {
        sandbox.publish(|snapshot| snapshot.instance = Some(instance.clone()));
        if had_files {
            inner.store.shorten_plan(&sandbox.draft.id, serde_json::to_string(&sandbox.draft.plan).unwrap_or_default());
        }
        let _way_out = way_out(&inner, &sandbox, &*instance).await;
        run(&inner, &sandbox, instance).await;
    } else if sandbox.snapshot().instance.is_none() {
        sandbox.removed.send_replace(true);
    }
    retain(&inner, &sandbox).await;
}

/// Lets the sandbox's connections out, as far as its rules allow, for as long as the guard is kept.
async fn way_out(inner: &Inner, sandbox: &Sandbox, instance: &dyn Instance) -> Option<AbortOnDropHandle<()>> {
    let plan = sandbox.draft.plan.network.egress.clone()?;
    match instance.egress().await {
        Ok(listener) => {
            let serve = inner.options.egress.clone().serve(listener, Arc::new(plan));
            Some(AbortOnDropHandle::new(tokio::spawn(serve)))
        }
        Err(error) => {
            tracing::warn!(sandbox = sandbox.draft.id, %error, "its connections to the outside are not served");
            None
        }
    }
}

/// From CREATING to RUNNING; goes on for ever then. Returns why it could not start.
async fn start_up(inner: &Inner, sandbox: &Sandbox, instance: &dyn Instance) -> String {
    if sandbox.snapshot().state == State::Creating
        && let Err(why) = startup::run(&sandbox.draft.plan, instance).await
    {
        return why;
    }
    let snapshot = sandbox.publish(|snapshot| {
        snapshot.started.get_or_insert_with(SystemTime::now);
        if snapshot.state == State::Creating {
            snapshot.state = State::Running;
        }
    });
    inner.store.note(&sandbox.draft.id, snapshot.progress());
    std::future::pending().await
}

/// From a start that the runtime is done with to a terminal state.
async fn run(inner: &Inner, sandbox: &Sandbox, instance: Arc<dyn Instance>) {
    let ending = tokio::select! {
        biased;
        why = start_up(inner, sandbox, &*instance) => Ending::NotStarted(why),
        ending = wait_for_end(sandbox, &*instance) => ending,
    };
    // Now, because stopping ends the other containers, too.
    let others = sandbox.draft.plan.containers.iter().skip(1).map(|container| container.name.as_str());
    let exits = others.filter_map(|name| Some((name.to_owned(), instance.exit_code(name)?))).collect();
    sandbox.publish(|snapshot| snapshot.exits = exits);
    match ending {
        Ending::Exited(ExitStatus { code, lost: None }) => {
            let reason = format!("main command exited with code {code}");
            end(inner, sandbox, State::Completed, reason, Some(code));
            stop(sandbox, &*instance, Duration::ZERO).await;
        }
        Ending::Exited(ExitStatus { lost: Some(why), .. }) => {
            end(inner, sandbox, State::Failed, format!("the sandbox was lost: {why}"), None);
            stop(sandbox, &*instance, Duration::ZERO).await;
        }
        Ending::NotStarted(why) => {
            end(inner, sandbox, State::Failed, format!("could not start: {why}"), None);
            stop(sandbox, &*instance, Duration::ZERO).await;
        }
        Ending::Lost => {
            end(inner, sandbox, State::Failed, "the sandbox was lost: its agent died".to_owned(), None);
            stop(sandbox, &*instance, Duration::ZERO).await;
        }
        Ending::Ordered(StopOrder { grace, reason }) => {
            let snapshot = sandbox.publish(|snapshot| {
                snapshot.state = State::Terminating;
                snapshot.reason.clone_from(&reason);
            });
            inner.store.note(&sandbox.draft.id, snapshot.progress());
            stop(sandbox, &*instance, grace).await;
            remove(sandbox).await;
            end(inner, sandbox, State::Terminated, reason, None);
        }
    }
}

async fn wait_for_end(sandbox: &Sandbox, instance: &dyn Instance) -> Ending {
    let mut orders = sandbox.orders.subscribe();
    tokio::select! {
        biased;
        order = next_order(&mut orders) => Ending::Ordered(order),
        status = instance.main_exit(sandbox.primary()) => Ending::Exited(status),
        () = instance.gone() => match tokio::time::timeout(LAST_WORDS, instance.main_exit(sandbox.primary())).await {
            Ok(status) => Ending::Exited(status),
            Err(_) => Ending::Lost,
        },
        order = lifetime(sandbox) => Ending::Ordered(order),
    }
}

async fn next_order(orders: &mut watch::Receiver<Option<StopOrder>>) -> StopOrder {
    match orders.wait_for(Option::is_some).await.map(|order| order.clone()) {
        Ok(Some(order)) => order,
        // The sender lives in the sandbox that this task holds.
        _ => std::future::pending().await,
    }
}

async fn lifetime(sandbox: &Sandbox) -> StopOrder {
    let Some(limit) = sandbox.draft.max_lifetime else { return std::future::pending().await };
    let lived = sandbox.draft.created.elapsed().unwrap_or_default();
    tokio::time::sleep(limit.saturating_sub(lived)).await;
    StopOrder { grace: super::DEFAULT_GRACE, reason: format!("its maximum lifetime of {} s was over", limit.as_secs()) }
}

/// Keeps a finished sandbox visible, and its log readable until it is deleted; then forgets it.
async fn retain(inner: &Inner, sandbox: &Sandbox) {
    let ended = sandbox.snapshot().ended.unwrap_or_else(SystemTime::now);
    let left = inner.options.retention.saturating_sub(ended.elapsed().unwrap_or_default());
    let over = tokio::time::sleep_until(Instant::now() + left);
    tokio::pin!(over);
    let mut orders = sandbox.orders.subscribe();
    if sandbox.snapshot().instance.is_some() {
        tokio::select! {
            _ = next_order(&mut orders) => {}
            () = &mut over => {}
        }
        remove(sandbox).await;
    }
    over.await;
    inner.forget(sandbox).await;
}

fn end(inner: &Inner, sandbox: &Sandbox, state: State, reason: String, exit_code: Option<i32>) {
    tracing::info!(sandbox = sandbox.draft.id, state = state.name(), reason, "sandbox ended");
    let snapshot: Snapshot = sandbox.publish(|snapshot| {
        snapshot.state = state;
        snapshot.reason = reason;
        snapshot.exit_code = exit_code;
        snapshot.ended = Some(SystemTime::now());
    });
    inner.store.note(&sandbox.draft.id, snapshot.progress());
}

async fn stop(sandbox: &Sandbox, instance: &dyn Instance, grace: Duration) {
    if let Err(error) = instance.stop(grace).await {
        tracing::warn!(sandbox = sandbox.draft.id, %error, "sandbox could not be stopped cleanly");
    }
}

/// Gives back what the runtime holds for it.
async fn remove(sandbox: &Sandbox) {
    let mut instance = None;
    sandbox.publish(|snapshot| instance = snapshot.instance.take());
    if let Some(instance) = instance
        && let Err(error) = instance.remove().await
    {
        // The sweep of the next start takes another look.
        tracing::warn!(sandbox = sandbox.draft.id, %error, "sandbox left something behind");
    }
    sandbox.removed.send_replace(true);
}
