//! The rpc families of `coreweave.sandbox.v1` and `jetway.v1`: wire types in, wire types out, no state of their own.
//! Must not know: HTTP, credentials, how a sandbox is run.

mod create;
mod data_plane;
mod deadline;
mod delete;
mod discovery;
mod exec;
mod file;
mod list;
mod log_format;
mod log_reader;
mod logs;
mod network;
mod not_offered;
mod pages;
mod plan;
#[cfg(test)]
mod plan_tests;
mod problem;
mod quantity;
mod sandbox;
mod secret_store;
mod services;
mod settings;
mod snapshot;
mod stream_exec;
mod template;
mod template_merge;
mod unsupported;
mod view;
mod volume;
mod volume_plan;

use std::{sync::Arc, time::SystemTime};

use tokio::sync::Semaphore;
use tonic::service::Routes;

pub(crate) use problem::Problem;
pub(crate) use services::ServiceHosts;

use crate::{
    secrets::Secrets,
    store::{Bucket, Store},
    supervisor::{Sandbox, Supervisor},
    wire::{jetway, sandbox as wire},
};
use deadline::Deadline;

/// The largest message either way. Both public clients set the same.
pub(crate) const MAX_MESSAGE: usize = 100 * 1024 * 1024;

/// Snapshots that are written at the same time.
const SNAPSHOTS_AT_A_TIME: usize = 4;

/// What every service works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Context>);

struct Context {
    supervisor: Supervisor,
    store: Store,
    bucket: Bucket,
    /// Who may write to the bucket now.
    snapshots: Semaphore,
    secrets: Secrets,
    runner_id: String,
    since: SystemTime,
    allow_unenforced_limits: bool,
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
    /// Names this machine.
    pub runner_id: String,
    /// Drop limits that cannot be enforced instead of refusing them.
    pub allow_unenforced_limits: bool,
    /// Under which names services are reached.
    pub services: ServiceHosts,
}

impl Api {
    /// The services over what `parts` names.
    pub fn new(parts: Parts) -> Self {
        let Parts { supervisor, store, bucket, secrets, runner_id, allow_unenforced_limits, services } = parts;
        let since = SystemTime::now();
        let snapshots = Semaphore::new(SNAPSHOTS_AT_A_TIME);
        Self(Arc::new(Context {
            supervisor,
            store,
            bucket,
            snapshots,
            secrets,
            runner_id,
            since,
            allow_unenforced_limits,
            services,
        }))
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
            jetway::token_service_server, TokenServiceServer => not_offered::NotOffered;
            jetway::session_service_server, SessionServiceServer => not_offered::NotOffered;
            jetway::pool_service_server, PoolServiceServer => not_offered::NotOffered;
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
        self.supervisor().get(id).ok_or_else(|| Problem::sandbox_not_found(id))
    }

    /// The sandbox with that id, once it runs, and the name of the container that is meant.
    async fn ready(&self, id: &str, container: &str, deadline: Deadline) -> Result<Ready, Problem> {
        let sandbox = self.find(id)?;
        let container = container_name(&sandbox, container)?;
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
