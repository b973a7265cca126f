//! A sandbox as the wire shows it: the specification as it was given, the state as it may be known.

use std::time::{Duration, SystemTime};

use prost::Message;
use prost_types::Timestamp;

use super::{Api, plan};
use crate::{
    supervisor::{self, State},
    wire::sandbox::{
        Container, ContainerStatus, DnsEgressMode, EgressRule, ResourceRequirements, ResourceUsage, Resources, Sandbox,
        SandboxSpec, SandboxStatus, State as WireState,
    },
};

/// The group that this machine's runner belongs to.
pub(super) const RUNNER_GROUP: &str = "local";

/// A sandbox with its specification and status.
pub(super) fn sandbox(api: &Api, sandbox: &supervisor::Sandbox) -> Sandbox {
    let draft = &sandbox.draft;
    // It was encoded by this server; what cannot be read is shown as absent rather than as an error on every list.
    let spec = SandboxSpec::decode(draft.spec.clone()).ok();
    let status = spec.as_ref().map(|spec| status(api, sandbox, spec));
    Sandbox {
        sandbox_id: draft.id.clone(),
        spec,
        status,
        display_name: draft.display_name.clone(),
        ..Sandbox::default()
    }
}

/// What a running sandbox uses right now; nothing for one that does not run, or does not answer at once.
pub(super) async fn usage(sandbox: &supervisor::Sandbox) -> Option<ResourceUsage> {
    const AT_ONCE: Duration = Duration::from_millis(100);
    let instance = sandbox.snapshot().instance.filter(|_| sandbox.reported_state() == State::Running)?;
    let used = tokio::time::timeout(AT_ONCE, instance.usage()).await.ok()?;
    Some(ResourceUsage { cpu_millicores: used.cpu_millicores, memory_mb: used.memory_bytes >> 20, gpu_count: 0 })
}

/// The state that pollers see.
pub(super) fn wire_state(state: State) -> WireState {
    match state {
        State::Creating => WireState::Creating,
        State::Running => WireState::Running,
        State::Paused => WireState::Paused,
        State::Terminating => WireState::Terminating,
        State::Completed => WireState::Completed,
        State::Failed => WireState::Failed,
        State::Terminated => WireState::Terminated,
    }
}

/// A moment on the wire.
pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}

fn status(api: &Api, sandbox: &supervisor::Sandbox, spec: &SandboxSpec) -> SandboxStatus {
    let snapshot = sandbox.snapshot();
    let state = wire_state(sandbox.reported_state()).into();
    let primary = spec.containers.get(plan::primary(spec));
    let container_status = |container: &Container| {
        // One that ended by itself did so whatever became of the others.
        let own = (container.name != sandbox.primary()).then(|| sandbox.container_exit(&container.name)).flatten();
        ContainerStatus {
            name: container.name.clone(),
            state: own.map_or(state, |_| WireState::Completed.into()),
            exit_code: own.or(snapshot.exit_code).unwrap_or_default(),
            restart_count: 0,
        }
    };
    let over = snapshot.state.is_terminal();
    SandboxStatus {
        state,
        state_reason: snapshot.reason.clone(),
        create_time: Some(timestamp(sandbox.draft.created)),
        // Set from the first answer on: both public clients expect it, and a start takes milliseconds.
        start_time: Some(timestamp(snapshot.started.unwrap_or(sandbox.draft.created))),
        end_time: snapshot.ended.map(timestamp),
        services: spec.services.iter().map(|service| api.0.services.status(sandbox, service, over)).collect(),
        exit_code: snapshot.exit_code,
        effective_resources: primary.and_then(|container| container.resources.clone()),
        effective_max_lifetime_seconds: spec.max_lifetime_seconds,
        container_statuses: spec.containers.iter().map(container_status).collect(),
        runner_id: api.0.runner_id.clone(),
        runner_group_id: RUNNER_GROUP.to_owned(),
        effective_resource_requirements: primary.and_then(requirements),
        effective_runtime_class: sandbox.draft.runtime_class.clone(),
        attached_volume_ids: Api::attached(spec).map(str::to_owned).collect(),
        effective_egress: effective_egress(sandbox, spec),
        // Only the proxy looks names up; a sandbox itself cannot.
        effective_dns_egress: DnsEgressMode::Deny.into(),
        ..SandboxStatus::default()
    }
}

/// The rules in force, in the same words as they were given.
fn effective_egress(sandbox: &supervisor::Sandbox, spec: &SandboxSpec) -> Vec<EgressRule> {
    let open = sandbox.draft.plan.network.egress.is_some();
    spec.network.as_ref().filter(|_| open).map(|network| network.egress.clone()).unwrap_or_default()
}

/// Requests and limits in the same words as they were given.
fn requirements(container: &Container) -> Option<ResourceRequirements> {
    let alike = |resources: &Resources| ResourceRequirements {
        requests: Some(resources.clone()),
        limits: Some(resources.clone()),
    };
    container.resource_requirements.clone().or_else(|| container.resources.as_ref().map(alike))
}
