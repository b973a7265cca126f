//! DiscoveryService: one runner, this machine, as it is.

use tonic::{Code, Request, Response, Status};

use super::{Api, Problem, view};
use crate::wire::sandbox::{
    AvailableRunner, GetAvailableRunnerRequest, ListAvailableRunnersRequest, ListAvailableRunnersResponse,
    RunnerCapabilitySummary, RunnerResourceSummary, RunnerView, Visibility, discovery_service_server::DiscoveryService,
};

const ORGANIZATION: &str = "local";

/// How services can be reached here.
const VISIBILITIES: [Visibility; 2] = [Visibility::Public, Visibility::Private];

impl Api {
    fn runner(&self, full: bool) -> AvailableRunner {
        let capabilities = self.supervisor().runtime().capabilities();
        let live: Vec<_> =
            self.supervisor().list().into_iter().filter(|sandbox| !sandbox.snapshot().state.is_terminal()).collect();
        let taken = |limit: fn(&crate::runtime::Limits) -> Option<i64>| -> i64 {
            let containers = live.iter().flat_map(|sandbox| &sandbox.draft.plan.containers);
            containers.filter_map(|container| limit(&container.limits)).sum()
        };
        let resources = full.then(|| RunnerResourceSummary {
            available_cpu_millicores: (capabilities.cpu_millicores - taken(|limits| limits.cpu_millicores)).max(0),
            available_memory_bytes: (capabilities.memory_bytes - taken(|limits| limits.memory_bytes)).max(0),
            available_gpu_count: 0,
            running_sandboxes: i32::try_from(live.len()).unwrap_or(i32::MAX),
        });
        AvailableRunner {
            runner_id: self.0.runner_id.clone(),
            runner_group_id: view::RUNNER_GROUP.to_owned(),
            tags: Vec::new(),
            healthy: true,
            capabilities: Some(RunnerCapabilitySummary {
                max_cpu_millicores: capabilities.cpu_millicores,
                max_memory_bytes: capabilities.memory_bytes,
                supported_architectures: vec![capabilities.architecture.clone()],
                supported_service_visibilities: VISIBILITIES.map(i32::from).to_vec(),
                ..RunnerCapabilitySummary::default()
            }),
            resources,
            connected_at: Some(view::timestamp(self.0.since)),
            is_shared: false,
            organization_id: ORGANIZATION.to_owned(),
        }
    }

    fn runner_matches(&self, request: &ListAvailableRunnersRequest) -> bool {
        let ListAvailableRunnersRequest { runner_group_id, gpu_type, architecture, .. } = request;
        let here = &self.supervisor().runtime().capabilities().architecture;
        (runner_group_id.is_empty() || runner_group_id == view::RUNNER_GROUP)
            && gpu_type.is_empty()
            && (architecture.is_empty() || architecture == here)
            && (request.service_visibility() == Visibility::Unspecified
                || VISIBILITIES.contains(&request.service_visibility()))
    }
}

#[tonic::async_trait]
impl DiscoveryService for Api {
    async fn list_available_runners(
        &self,
        request: Request<ListAvailableRunnersRequest>,
    ) -> Result<Response<ListAvailableRunnersResponse>, Status> {
        let request = request.into_inner();
        // There is one page; whoever asks for another has a token that we never gave.
        if !request.page_token.is_empty() {
            return Err(Problem::field("page_token", "must be a next_page_token of this server").into());
        }
        let full = request.view() == RunnerView::Full;
        let runners = if self.runner_matches(&request) { vec![self.runner(full)] } else { Vec::new() };
        Ok(Response::new(ListAvailableRunnersResponse { runners, next_page_token: String::new() }))
    }

    async fn get_available_runner(
        &self,
        request: Request<GetAvailableRunnerRequest>,
    ) -> Result<Response<AvailableRunner>, Status> {
        let request = request.into_inner();
        let known = request.runner_id == self.0.runner_id
            && (request.organization_id.is_empty() || request.organization_id == ORGANIZATION);
        if !known {
            let text =
                format!("there is no runner {:?}; the only one here is {:?}", request.runner_id, self.0.runner_id);
            return Err(Problem::new(Code::NotFound, "CWSANDBOX_RUNNER_NOT_FOUND", text).into());
        }
        Ok(Response::new(self.runner(request.view() != RunnerView::Basic)))
    }
}
