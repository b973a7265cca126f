//! The machines that sandboxes may run on: what they can host, and what is free.

use std::time::SystemTime;

use super::{given, named, pages};
use crate::{
    client::{CallOptions, Client},
    error::Error,
    sandbox::time,
    wire,
};

/// A machine or cluster that hosts sandboxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Runner {
    /// What `runner_ids` of a sandbox name.
    pub id: String,
    /// Runners of one group are alike.
    pub group_id: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Takes new sandboxes at the moment.
    pub healthy: bool,
    /// Serves more than one organization.
    pub shared: bool,
    /// Since when it is known without interruption.
    pub connected_at: Option<SystemTime>,
    /// The largest sandbox that it could host.
    pub capacity: RunnerCapacity,
    /// What is free now; `None` unless asked for.
    pub available: Option<RunnerCapacity>,
    /// Sandboxes that run there now; `None` unless asked for.
    pub running_sandboxes: Option<u32>,
    /// Accelerators that it has, by product name.
    pub gpu_types: Vec<String>,
    /// For example `amd64`.
    pub architectures: Vec<String>,
    /// Whether privileged containers are allowed.
    pub supports_privileged: bool,
    /// Kinds of storage, by the operator's names.
    pub storage_classes: Vec<String>,
}

/// An amount of a runner's resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunnerCapacity {
    /// Thousandths of a core.
    pub cpu_millicores: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// Accelerators.
    pub gpu_count: i64,
}

/// Which runners to list. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunnerFilter {
    /// Those of this group.
    pub group_id: Option<String>,
    /// Those with this accelerator.
    pub gpu_type: Option<String>,
    /// Those of this architecture.
    pub architecture: Option<String>,
    /// Those that take sandboxes now.
    pub healthy_only: bool,
    /// Also says what is free.
    pub include_resources: bool,
}

impl RunnerFilter {
    /// Sets the group.
    pub fn group_id(mut self, id: impl Into<String>) -> Self {
        self.group_id = Some(id.into());
        self
    }

    /// Sets the accelerator.
    pub fn gpu_type(mut self, name: impl Into<String>) -> Self {
        self.gpu_type = Some(name.into());
        self
    }

    /// Sets the architecture, e.g. `amd64`.
    pub fn architecture(mut self, name: impl Into<String>) -> Self {
        self.architecture = Some(name.into());
        self
    }

    /// Sets whether only those are listed that take sandboxes now.
    pub fn healthy_only(mut self, only: bool) -> Self {
        self.healthy_only = only;
        self
    }

    /// Sets whether what is free is said too.
    pub fn include_resources(mut self, include: bool) -> Self {
        self.include_resources = include;
        self
    }
}

impl Runner {
    /// The runners that a filter names.
    ///
    /// # Errors
    /// As any call.
    pub async fn list(client: &Client, filter: RunnerFilter) -> Result<Vec<Self>, Error> {
        let RunnerFilter { group_id, gpu_type, architecture, healthy_only, include_resources } = filter;
        let asked = wire::ListAvailableRunnersRequest {
            runner_group_id: group_id.unwrap_or_default(),
            gpu_type: gpu_type.unwrap_or_default(),
            architecture: architecture.unwrap_or_default(),
            healthy_only,
            view: view(include_resources),
            ..Default::default()
        };
        let asked = &asked;
        let found = pages::all(|page_token| async move {
            let request = wire::ListAvailableRunnersRequest { page_token, ..asked.clone() };
            let page = client.list_runners(request, &CallOptions::default()).await?;
            Ok((page.runners, page.next_page_token))
        });
        Ok(found.await?.into_iter().map(Self::from_wire).collect())
    }

    /// One runner, with what is free on it.
    ///
    /// # Errors
    /// Runner not found; as any call.
    pub async fn get(client: &Client, id: &str) -> Result<Self, Error> {
        named("runnerId", id)?;
        let request =
            wire::GetAvailableRunnerRequest { runner_id: id.to_owned(), view: view(true), ..Default::default() };
        client.get_runner(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    fn from_wire(runner: wire::AvailableRunner) -> Self {
        let can = runner.capabilities.unwrap_or_default();
        let free = runner.resources;
        Self {
            id: runner.runner_id,
            group_id: given(runner.runner_group_id),
            tags: runner.tags,
            healthy: runner.healthy,
            shared: runner.is_shared,
            connected_at: runner.connected_at.and_then(time),
            capacity: RunnerCapacity {
                cpu_millicores: can.max_cpu_millicores,
                memory_bytes: can.max_memory_bytes,
                gpu_count: can.max_gpu_count,
            },
            running_sandboxes: free.as_ref().map(|free| u32::try_from(free.running_sandboxes).unwrap_or_default()),
            available: free.map(|free| RunnerCapacity {
                cpu_millicores: free.available_cpu_millicores,
                memory_bytes: free.available_memory_bytes,
                gpu_count: free.available_gpu_count,
            }),
            gpu_types: can.supported_gpu_types,
            architectures: can.supported_architectures,
            supports_privileged: can.supports_privileged,
            storage_classes: can.available_storage_classes,
        }
    }
}

fn view(full: bool) -> i32 {
    if full { wire::RunnerView::Full as i32 } else { wire::RunnerView::Basic as i32 }
}
