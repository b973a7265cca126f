//! The rpc families of `coreweave.sandbox.v1` and `jetway.v1`: wire types in, wire types out, no state of their own.
//! Must not know: HTTP, credentials, how a sandbox is run.

mod compose;
mod create;
mod data_plane;
mod deadline;
mod delete;
mod directory;
mod discovery;
mod exec;
mod execute;
mod file;
mod kept;
mod list;
mod log_format;
mod log_reader;
mod logs;
mod metrics;
mod network;
mod pages;
mod plan;
#[cfg(test)]
mod plan_tests;
mod pool;
mod problem;
mod pull_login;
mod quantity;
mod sandbox;
mod secret_store;
mod services;
mod session;
mod session_calls;
mod settings;
mod snapshot;
mod stream_exec;
mod template;
mod template_merge;
mod terminal;
mod terminal_calls;
mod token;
mod unsupported;
mod view;
mod volume;
mod volume_plan;

use std::{sync::Arc, time::SystemTime};

use tokio::sync::Semaphore;
use tonic::service::Routes;

pub(crate) use deadline::{Deadline, parse_timeout};
pub(crate) use directory::Entry;
pub(crate) use execute::{Execute, Executed, What};
pub(crate) use pool::{PoolOptions, Stats};
pub(crate) use problem::Problem;
pub(crate) use services::ServiceHosts;
pub(crate) use session::NewSession;
pub(crate) use token::Minted;

use crate::{
    secrets::Secrets,
    store::{Bucket, Store},
    supervisor::{Sandbox, State, Supervisor},
    tokens::{Caller, Signer},
    trace,
    wire::{jetway, sandbox as wire},
};
/// The largest message either way. Both public clients set the same.
pub(crate) const MAX_MESSAGE: usize = 100 * 1024 * 1024;

/// Snapshots that are written at the same time.
const SNAPSHOTS_AT_A_TIME: usize = 4;

/// What every service works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Context>, Caller);

struct Context {
    supervisor: Supervisor,
    store: Store,
    bucket: Bucket,
    /// Who may write to the bucket now.
    snapshots: Semaphore,
    secrets: Secrets,
    signer: Signer,
    open_minting: bool,
    pool: pool::Pool,
    terminals: terminal::Terminals,
    runner_id: String,
    since: SystemTime,
    allow_unenforced_limits: bool,
    root_size: Option<u64>,
    services: ServiceHosts,
}

/// What the services stand on.
pub(crate) struct Parts {
    /// The sandboxes.
    pub supervisor: Supervisor,
    /// What survives a restart.
    pub store: Store,
    /// Where snapshots are kept.
    pub bucket: Bucket,
    /// Secrets of this machine.
    pub secrets: Secrets,
    /// Makes users' tokens.
    pub signer: Signer,
    /// Whether everybody may have one.
    pub open_minting: bool,
    /// How many sandboxes wait for users.
    pub pool: PoolOptions,
    /// Names this machine.
    pub runner_id: String,
    /// Drop limits that cannot be enforced instead of refusing them.
    pub allow_unenforced_limits: bool,
    /// What a scratch volume without a size may hold; `None` bounds nothing.
    pub root_size: Option<u64>,
    /// Under which names services are reached.
    pub services: ServiceHosts,
}

impl Api {
    /// The services over what `parts` names.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            supervisor,
            store,
            bucket,
            secrets,
            signer,
            open_minting,
            pool,
            runner_id,
            allow_unenforced_limits,
            root_size,
            services,
        } = parts;
        let since = SystemTime::now();
        let snapshots = Semaphore::new(SNAPSHOTS_AT_A_TIME);
        let pool = pool::Pool::new(pool);
        let context = Context {
            supervisor,
            store,
            bucket,
            snapshots,
            secrets,
            signer,
            open_minting,
            pool,
            terminals: terminal::Terminals::default(),
            runner_id,
            since,
            allow_unenforced_limits,
            root_size,
            services,
        };
        Self(Arc::new(context), Caller::server())
    }

    /// The services as a caller may use them.
    pub fn called_by(&self, caller: Caller) -> Self {
        Self(self.0.clone(), caller)
    }

    /// The services as whoever makes this call may use them. The front says who that is; without it, nobody does.
    fn by<T>(&self, request: &tonic::Request<T>) -> Self {
        let caller = request.extensions().get::<Caller>().cloned();
        self.called_by(caller.unwrap_or_else(Caller::anonymous))
    }

    /// Who calls.
    fn caller(&self) -> &Caller {
        &self.1
    }

    /// Whether the caller may know of this sandbox.
    fn reaches(&self, sandbox: &Sandbox) -> bool {
        self.caller().reaches(&sandbox.holder().user, &sandbox.draft.id, &sandbox.draft.tags)
    }

    /// Every service, by its full name.
    pub fn routes(&self) -> Routes {
        macro_rules! all {
            ($($module:path, $server:ident => $service:expr;)*) => {{
                let mut routes = Routes::builder();
                $({
                    use $module as module;
                    let service = module::$server::new($service);
                    routes.add_service(
                        service.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
                    );
                })*
                routes.routes().prepare()
            }};
        }
        all! {
            wire::sandbox_service_server, SandboxServiceServer => self.clone();
            wire::sandbox_data_plane_service_server, SandboxDataPlaneServiceServer => self.clone();
            wire::discovery_service_server, DiscoveryServiceServer => self.clone();
            wire::sandbox_template_service_server, SandboxTemplateServiceServer => self.clone();
            wire::settings_service_server, SettingsServiceServer => self.clone();
            wire::volume_service_server, VolumeServiceServer => self.clone();
            jetway::token_service_server, TokenServiceServer => self.clone();
            jetway::session_service_server, SessionServiceServer => self.clone();
            jetway::pool_service_server, PoolServiceServer => self.clone();
            jetway::terminal_service_server, TerminalServiceServer => self.clone();
        }
    }

    fn bucket(&self) -> &Bucket {
        &self.0.bucket
    }

    fn supervisor(&self) -> &Supervisor {
        &self.0.supervisor
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// The sandbox with that id.
    fn find(&self, id: &str) -> Result<Arc<Sandbox>, Problem> {
        if id.is_empty() {
            return Err(Problem::field("sandbox_id", "must not be empty"));
        }
        let found = self.supervisor().get(id).filter(|sandbox| self.reaches(sandbox));
        let found = found.ok_or_else(|| Problem::sandbox_not_found(id))?;
        trace::about(id);
        Ok(found)
    }

    /// The sandbox with that id, once it runs, and the name of the container that is meant.
    async fn ready(&self, id: &str, container: &str, deadline: Deadline) -> Result<Ready, Problem> {
        let sandbox = self.find(id)?;
        let container = container_name(&sandbox, container)?;
        if sandbox.snapshot().state == State::Paused {
            self.awaken(&sandbox).await?;
        }
        sandbox.activity.touch();
        let instance = deadline.bound("waiting for the sandbox to start", sandbox.ready()).await?;
        let instance = instance.map_err(|state| Problem::not_running(&sandbox, &state))?;
        Ok(Ready { sandbox, instance, container })
    }
}

/// A sandbox that can be used.
struct Ready {
    sandbox: Arc<Sandbox>,
    instance: Arc<dyn crate::runtime::Instance>,
    container: String,
}

fn container_name(sandbox: &Sandbox, asked: &str) -> Result<String, Problem> {
    if asked.is_empty() {
        return Ok(sandbox.primary().to_owned());
    }
    let names: Vec<_> = sandbox.draft.plan.containers.iter().map(|container| container.name.as_str()).collect();
    if names.contains(&asked) {
        return Ok(asked.to_owned());
    }
    Err(Problem::field("container", format!("the sandbox has no container {asked:?}, only {}", names.join(", "))))
}
