//! What a server says about a sandbox, as plain values. Must not know: how it was asked.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{ResourceAmounts, SandboxStatus, ServiceInfo, ShareToken};
use crate::wire;

/// What is known about a sandbox.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SandboxInfo {
    /// Its id; empty until the server has accepted the creation.
    pub id: String,
    /// Its state.
    pub status: SandboxStatus,
    /// When the state was last heard, by this machine's clock.
    pub status_updated_at: Option<SystemTime>,
    /// Why it is in that state, where the server says so.
    pub status_reason: Option<String>,
    /// The main command's exit code, once it ended by itself.
    pub exit_code: Option<i32>,
    /// The name people see.
    pub display_name: Option<String>,
    /// When the creation was accepted.
    pub created_at: Option<SystemTime>,
    /// When it began to run.
    pub started_at: Option<SystemTime>,
    /// When it ended.
    pub ended_at: Option<SystemTime>,
    /// Image of the primary container.
    pub image: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Where it runs.
    pub runner_id: Option<String>,
    /// Which group of runners that is.
    pub runner_group_id: Option<String>,
    /// What isolates it.
    pub runtime_class: Option<String>,
    /// What it is promised.
    pub resource_requests: ResourceAmounts,
    /// What it may use at most.
    pub resource_limits: ResourceAmounts,
    /// After how long it ends by itself.
    pub max_lifetime: Option<Duration>,
    /// Names of the volumes that end with it.
    pub scratch_volumes: Vec<String>,
    /// Ids of the registered volumes that it uses.
    pub volume_ids: Vec<String>,
    /// Its services and where they are reached.
    pub services: Vec<ServiceInfo>,
    /// Lets callers reach services that ask for it. Only in the answer to the creation.
    pub share_token: Option<ShareToken>,
}

impl SandboxInfo {
    pub(super) fn from_wire(sandbox: wire::Sandbox) -> Self {
        let spec = sandbox.spec.unwrap_or_default();
        let status = sandbox.status.unwrap_or_default();
        let primary = spec.containers.iter().find(|it| it.primary()).or(spec.containers.first());
        let resources = status.effective_resource_requirements.unwrap_or_default();
        let scratch_volumes = super::volumes::scratch_names(&spec);
        Self {
            scratch_volumes,
            volume_ids: status.attached_volume_ids,
            id: sandbox.sandbox_id,
            status: SandboxStatus::from_wire(status.state),
            status_updated_at: None,
            status_reason: given(status.state_reason),
            exit_code: status.exit_code,
            display_name: given(sandbox.display_name),
            created_at: status.create_time.and_then(time),
            started_at: status.start_time.and_then(time),
            ended_at: status.end_time.and_then(time),
            image: primary.map(|it| it.image.clone()).and_then(given),
            tags: spec.tags,
            annotations: spec.annotations.into_iter().collect(),
            runner_id: given(status.runner_id),
            runner_group_id: given(status.runner_group_id),
            runtime_class: given(status.effective_runtime_class),
            resource_requests: ResourceAmounts::from_wire(resources.requests),
            resource_limits: ResourceAmounts::from_wire(resources.limits),
            max_lifetime: u64::try_from(status.effective_max_lifetime_seconds)
                .ok()
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            share_token: ShareToken::new(sandbox.endpoint_share_token),
            services: status.services.into_iter().map(ServiceInfo::from_wire).collect(),
        }
    }
}

/// Proto3 says "not given" with an empty string.
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

pub(crate) fn time(stamp: prost_types::Timestamp) -> Option<SystemTime> {
    let seconds = u64::try_from(stamp.seconds).ok()?;
    let nanos = u32::try_from(stamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::SandboxInfo;
    use crate::{sandbox::SandboxStatus, wire};

    #[test]
    fn an_empty_answer_is_no_panic() {
        let info = SandboxInfo::from_wire(wire::Sandbox::default());
        assert_eq!(info.status, SandboxStatus::Unspecified);
        assert_eq!((info.exit_code, info.started_at, info.runner_id), (None, None, None));
    }

    #[test]
    fn exit_code_zero_is_known_and_odd_times_are_not() {
        let stamp = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
        let status = wire::SandboxStatus {
            state: wire::State::Completed as i32,
            exit_code: Some(0),
            create_time: stamp(1, 500_000_000),
            start_time: stamp(-5, 0),
            end_time: stamp(i64::MAX, 2_000_000_000),
            ..Default::default()
        };
        let info = SandboxInfo::from_wire(wire::Sandbox { status: Some(status), ..Default::default() });
        assert_eq!((info.status, info.exit_code), (SandboxStatus::Completed, Some(0)));
        assert_eq!(info.created_at, Some(std::time::UNIX_EPOCH + Duration::from_millis(1500)));
        assert_eq!((info.started_at, info.ended_at), (None, None));
    }
}
