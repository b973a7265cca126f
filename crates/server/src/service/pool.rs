//! PoolService: sandboxes that wait for users, handed out in milliseconds. A released one is not scrubbed but removed,
//! and another one takes its place: nothing of its user can remain.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tonic::{Code, Request, Response, Status};

use super::{Api, Problem, deadline::Deadline};
use crate::{
    runtime::Limits,
    supervisor::{Draft, Holder, Pooling, Sandbox, State},
    wire::{
        jetway::{self as wire, pool_service_server::PoolService},
        sandbox as spec,
    },
};

/// A user who took a sandbox and never came back loses it after so long without a call.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

/// How many sandboxes the pool has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolOptions {
    /// That wait.
    pub warm: usize,
    /// At most, waiting and taken.
    pub most: usize,
}

/// The pool's own part; its sandboxes are the supervisor's like all others.
pub(super) struct Pool {
    options: PoolOptions,
    /// Held while the pool is being filled.
    filling: Arc<Mutex<()>>,
}

impl Pool {
    pub(super) fn new(options: PoolOptions) -> Self {
        Self { options, filling: Arc::default() }
    }
}

/// What a sandbox of the pool is made of; nothing said is the server's choice.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shape {
    pub image: String,
    pub cpu_count: i32,
    pub memory_mb: i32,
}

/// The pool in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stats {
    /// That wait.
    pub idle: usize,
    /// That somebody has.
    pub active: usize,
    /// That will wait soon.
    pub creating: usize,
    /// At most, all together.
    pub max: usize,
}

impl Api {
    /// Gives the caller a sandbox of `shape`: a waiting one, or a new one.
    pub(super) async fn take(&self, shape: &Shape) -> Result<Arc<Sandbox>, Problem> {
        self.take_for(shape, Holder::taker(self.caller().user())).await
    }

    /// The same for somebody else.
    pub(super) async fn take_for(&self, shape: &Shape, taker: Holder) -> Result<Arc<Sandbox>, Problem> {
        let wanted = self.wanted(shape)?;
        let sandbox = loop {
            if let Some(wanted) = &wanted
                && let Some(found) =
                    self.supervisor().take(&taker, |draft| wanted.fits(draft)).await.map_err(Problem::from)?
            {
                break found;
            }
            if self.make_room().await? {
                let draft = self.draft(request(shape)).await?;
                break self.supervisor().create_for(draft, taker).await?;
            }
        };
        if self.0.pool.options.warm > 0 {
            let api = self.clone();
            tokio::spawn(async move { api.fill().await });
        }
        Ok(sandbox)
    }

    /// Removes a sandbox that the caller took.
    pub(super) fn let_go(&self, sandbox_id: &str) -> Result<(), Problem> {
        let sandbox = self.find(sandbox_id)?;
        if sandbox.holder().pool != Pooling::Taken {
            let text = format!("sandbox {sandbox_id} is not from the pool; delete it instead");
            return Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_NOT_POOLED", text));
        }
        self.supervisor().stop(&sandbox, Duration::ZERO, "released");
        Ok(())
    }

    /// The pool in numbers.
    pub(crate) fn pool_stats(&self) -> Stats {
        let mut stats = Stats { max: self.0.pool.options.most, ..Stats::default() };
        for sandbox in self.supervisor().list() {
            let state = sandbox.reported_state();
            if state.is_terminal() || state == State::Terminating {
                continue;
            }
            match sandbox.holder().pool {
                Pooling::None => {}
                Pooling::Taken => stats.active += 1,
                Pooling::Idle if state == State::Creating => stats.creating += 1,
                Pooling::Idle => stats.idle += 1,
            }
        }
        stats
    }

    /// Makes as many sandboxes wait as are wanted, one after another.
    pub(super) async fn fill(&self) {
        // Who finds it being filled need not wait: that one looks again before it ends.
        let Ok(_filling) = self.0.pool.filling.clone().try_lock_owned() else { return };
        let PoolOptions { warm, most } = self.0.pool.options;
        loop {
            let Stats { idle, active, creating, .. } = self.pool_stats();
            if idle + creating >= warm || idle + creating + active >= most {
                return;
            }
            let made = async {
                let draft = self.draft(request(&Shape::default())).await?;
                let sandbox = self.supervisor().create_for(draft, Holder::pool()).await?;
                let started = sandbox.started().await;
                if started.state != State::Running {
                    return Err(Problem::new(Code::Unavailable, "CWSANDBOX_BACKEND_FAILED", started.reason));
                }
                Ok::<_, Problem>(())
            };
            if let Err(problem) = made.await {
                tracing::warn!(problem = problem.message(), "the pool could not be filled");
                return;
            }
        }
    }

    /// Removes what users took and forgot.
    pub(super) fn reclaim(&self) {
        for sandbox in self.supervisor().list() {
            let forgotten = sandbox.holder().pool == Pooling::Taken
                && sandbox.snapshot().state == State::Running
                && sandbox.activity.idle().is_some_and(|idle| idle >= FORGOTTEN)
                && self.supervisor().session_of(&sandbox.draft.id).is_none();
            if forgotten {
                self.supervisor().stop(&sandbox, Duration::ZERO, "taken from the pool and not used for an hour");
            }
        }
    }

    /// A new sandbox beside the waiting ones must fit: if need be, one of those goes. False when one was just being made:
    /// it can be had by now, or go.
    async fn make_room(&self) -> Result<bool, Problem> {
        let Stats { idle, active, creating, max } = self.pool_stats();
        if active + idle + creating < max {
            return Ok(true);
        }
        if active < max
            && let Some(spare) = self.supervisor().take(&Holder::pool(), |_| true).await.map_err(Problem::from)?
        {
            self.supervisor().stop(&spare, Duration::ZERO, "the pool needs its place");
            return Ok(true);
        }
        if active < max && creating > 0 {
            drop(self.0.pool.filling.lock().await);
            return Ok(false);
        }
        let text = format!("all {max} sandboxes of the pool are taken; release one, or try again");
        Err(Problem::new(Code::ResourceExhausted, "CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED", text)
            .retry_after(Duration::from_secs(1)))
    }

    /// What a waiting sandbox must be like to be of `shape`; `None` when none can be.
    fn wanted(&self, shape: &Shape) -> Result<Option<Wanted>, Problem> {
        if shape.cpu_count < 0 || shape.memory_mb < 0 {
            return Err(Problem::field("cpu_count", "must be 0 (no limit) or more, and so must memory_mb"));
        }
        if shape.cpu_count > 0 || shape.memory_mb > 0 {
            return Ok(None);
        }
        let image = match shape.image.as_str() {
            "" => self.supervisor().runtime().capabilities().images.first().cloned().unwrap_or_default(),
            image => image.to_owned(),
        };
        Ok(Some(Wanted { image }))
    }
}

struct Wanted {
    image: String,
}

impl Wanted {
    fn fits(&self, draft: &Draft) -> bool {
        draft.plan.containers.first().is_some_and(|container| {
            let Limits { cpu_millicores, memory_bytes, .. } = container.limits;
            container.image == self.image && cpu_millicores.is_none() && memory_bytes.is_none()
        })
    }
}

/// How a sandbox of `shape` is asked for.
pub(super) fn request(shape: &Shape) -> spec::CreateSandboxRequest {
    let Shape { image, cpu_count, memory_mb } = shape;
    let cpu = if *cpu_count > 0 { cpu_count.to_string() } else { String::new() };
    let memory = if *memory_mb > 0 { format!("{memory_mb}Mi") } else { String::new() };
    let limited = *cpu_count > 0 || *memory_mb > 0;
    let resources = limited.then(|| spec::Resources { cpu, memory, ..Default::default() });
    let container = spec::Container { image: image.clone(), resources, ..Default::default() };
    let spec = spec::SandboxSpec { containers: vec![container], ..Default::default() };
    let sandbox = Some(spec::Sandbox { spec: Some(spec), ..Default::default() });
    spec::CreateSandboxRequest { sandbox, request_id: String::new() }
}

#[tonic::async_trait]
impl PoolService for Api {
    async fn acquire_sandbox(
        &self,
        request: Request<wire::AcquireSandboxRequest>,
    ) -> Result<Response<wire::PooledSandbox>, Status> {
        let deadline = Deadline::of(request.metadata());
        let api = self.by(&request);
        let wire::AcquireSandboxRequest { session_id, image } = request.into_inner();
        let (sandbox, session_id) = api.acquire(&session_id, &image, deadline).await?;
        Ok(Response::new(wire::PooledSandbox { sandbox_id: sandbox.draft.id.clone(), session_id }))
    }

    async fn release_sandbox(
        &self,
        request: Request<wire::ReleaseSandboxRequest>,
    ) -> Result<Response<wire::ReleaseSandboxResponse>, Status> {
        self.by(&request).release(&request.get_ref().sandbox_id).await?;
        Ok(Response::new(wire::ReleaseSandboxResponse {}))
    }

    async fn get_pool_stats(&self, _: Request<wire::GetPoolStatsRequest>) -> Result<Response<wire::PoolStats>, Status> {
        let Stats { idle, active, creating, max } = self.pool_stats();
        let [idle, active, creating, max] =
            [idle, active, creating, max].map(|count| i32::try_from(count).unwrap_or(i32::MAX));
        Ok(Response::new(wire::PoolStats { idle, active, creating, max }))
    }
}
