//! The table of reasons that servers of this wire give: what each means, and what to do where its kind does not say it.
//! Must not know: the calls that fail with them.

use super::ErrorKind;

/// What is known about a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonInfo {
    /// As the wire spells it.
    pub reason: &'static str,
    /// What it means.
    pub kind: ErrorKind,
    /// What to do, where the kind's own hint is not it.
    pub hint: Option<&'static str>,
}

macro_rules! reasons {
    ($($reason:literal: $kind:ident, $hint:expr;)+) => {
        /// Every reason of [`ERROR_DOMAIN`](super::ERROR_DOMAIN) that has a meaning here.
        pub const REASONS: &[ReasonInfo] =
            &[$(ReasonInfo { reason: concat!("CWSANDBOX_", $reason), kind: ErrorKind::$kind, hint: $hint }),+];
    };
}

reasons! {
    "SANDBOX_NOT_FOUND": SandboxNotFound, None;
    "SESSION_NOT_FOUND": SandboxNotFound, None;
    "SANDBOX_NOT_RUNNING": SandboxNotRunning, None;
    "FILE_NOT_FOUND": SandboxFile, Some("Check the path; `metadata.filepath` is the one that was asked for");
    "FILE_IS_DIRECTORY": SandboxFile, Some("Name a file in the directory, or use `files.list` or `files.download`");
    "FILE_IO_FAILED": SandboxFile, Some("The sandbox's disk refused: look for a full or read-only file system");
    "FILE_PERMISSION_DENIED": SandboxFile, Some("The sandbox's user may not: choose another path, or change its owner first");
    "FILE_TOO_LARGE": SandboxFile, Some("Stream it: `files.readStream`, or `files.write` with a stream");
    "FILE_TRUNCATED": SandboxFile, Some("It changed while it was read: read it again when nothing writes to it");
    "COMMAND_TIMEOUT": SandboxCommandTimeout, None;
    "DEADLINE_EXCEEDED": SandboxRequestTimeout, None;
    "RUNNER_UNAVAILABLE": SandboxUnavailable, None;
    "BACKEND_UNAVAILABLE": SandboxUnavailable, None;
    "RUNNER_SHARD_RETIRING": SandboxUnavailable, None;
    "RUNNER_CAPACITY_EXHAUSTED": SandboxResourceExhausted, Some("Set `createRetryBudgetMs` to wait for room, or `placementSpillover` to look elsewhere");
    "RUNNER_OVERLOADED": SandboxResourceExhausted, Some("Set `createRetryBudgetMs` to wait for room, or `placementSpillover` to look elsewhere");
    "PLACEMENT_REJECTED": Sandbox, Some("No runner takes it as it is asked for: ask for less, or set `placementSpillover`");
    "PLACEMENT_CONSTRAINT_UNSATISFIED": Sandbox, Some("No runner fits `runnerIds`, `placementMode`, `instanceType` and the volumes together: drop one");
    "NO_SUITABLE_RUNNER": Sandbox, Some("No runner offers what it asks for: look at what there is with runner discovery");
    "RESOURCE_CEILING_EXCEEDED": SandboxValidation, Some("Ask for fewer `resources`, or set `placementSpillover`");
    "SERVERLESS_NOT_ALLOWED": Authentication, Some("The account may not use serverless placement: set `placementMode: \"cks\"`");
    "SERVERLESS_DISABLED": NotSupported, Some("Serverless placement is turned off here: set `placementMode: \"cks\"`");
    "SERVERLESS_MISCONFIGURED": Sandbox, Some("Serverless placement is set up wrongly on the server: tell its operator");
    "INVALID_REQUEST": SandboxValidation, None;
    "NOT_IMPLEMENTED": NotSupported, None;
    "REQUEST_ID_CONFLICT": Sandbox, Some("The same request id was used for another request: make a new handle for another sandbox");
    "TLS_PASSTHROUGH_ENDPOINTS_NOT_SUPPORTED": NotSupported, None;
    "HTTPS_SHARE_TOKEN_NOT_SUPPORTED": NotSupported, None;
    "RUNNER_NOT_FOUND": RunnerNotFound, None;
    "TERMINAL_NOT_FOUND": SandboxExecution, Some("The terminal is gone: start another one with `shell({ keep: true })`");
    "TERMINAL_REPLACED": SandboxExecution, Some("It is shown somewhere else now: go on there, or attach again under another client");
    "TERMINAL_LIMIT": SandboxResourceExhausted, Some("End terminals that nobody needs: `sandbox.terminals()` lists them");
    "PROFILE_NOT_FOUND": Sandbox, Some("Profiles are gone from this wire: use a `template` or `placementMode`");
    "FSS_NOT_FOUND": SnapshotNotFound, None;
    "FSS_NOT_SUPPORTED": SnapshotNotSupported, None;
    "FSS_NOT_READY": SnapshotNotReady, None;
    "FSS_SIZE_EXCEEDED": SnapshotSizeExceeded, None;
    "FSS_QUOTA_EXCEEDED": SnapshotQuotaExceeded, None;
    "FSS_BUCKET_MISMATCH": SnapshotBucketMismatch, None;
    "FSS_BUCKET_PROVISIONING": SnapshotBucketProvisioning, None;
    "FSS_WAIT_TIMEOUT": SnapshotWaitTimeout, None;
    "FSS_BUCKET_UNAVAILABLE": Snapshot, Some("The snapshot bucket cannot be reached: check its settings");
    "FSS_RESTORE_FAILED": Snapshot, Some("The snapshot could not be restored: try another one");
    "FSS_CREATE_FAILED": Snapshot, Some("The snapshot could not be taken: the sandbox goes on, try again");
    "FSS_CREATE_TIMED_OUT": Snapshot, Some("The snapshot took too long: make less to save, or try again");
    "FSS_AUTH_FAILED": Snapshot, Some("The server may not use the snapshot bucket: check its credentials");
    "FSS_TRANSPORT_FAILED": Snapshot, Some("The way to the snapshot bucket broke: try again");
    "FSS_CANCELED": Snapshot, Some("The snapshot was cancelled, most likely because its sandbox ended");
    "FSS_BACKEND_THROTTLED": SnapshotBackendThrottled, None;
    "FSS_INFLIGHT_LIMIT": SnapshotBackendThrottled, None;
    "VOLUME_NOT_FOUND": VolumeNotFound, None;
    "VOLUME_NOT_READY": VolumeNotReady, None;
    "VOLUME_PLACEMENT_CONFLICT": VolumePlacementConflict, None;
    "VOLUME_RUNNER_UNAVAILABLE": VolumeRunnerUnavailable, None;
    "VOLUME_TYPE_NOT_SUPPORTED": VolumeTypeNotSupported, None;
    "VOLUME_NOT_SNAPSHOTTABLE": VolumeNotSnapshottable, None;
    "VOLUME_RUNNER_INELIGIBLE": VolumeRunnerIneligible, None;
    "VOLUME_BACKEND_NOT_FOUND": VolumeBackendNotFound, None;
    "VOLUME_IN_USE": VolumeInUse, None;
    "VOLUME_QUOTA_EXCEEDED": VolumeQuotaExceeded, None;
}

impl ReasonInfo {
    /// The row of a reason. A newer server's, of a family that is known, means what the family means.
    pub(crate) fn of(reason: &str) -> Option<Self> {
        let family = |prefix: &str, kind| reason.starts_with(prefix).then_some(Self { reason: "", kind, hint: None });
        let known = REASONS.iter().find(|row| row.reason == reason).copied();
        known
            .or_else(|| family("CWSANDBOX_FSS_", ErrorKind::Snapshot))
            .or_else(|| family("CWSANDBOX_VOLUME_", ErrorKind::Volume))
            .or_else(|| family("CWSANDBOX_FILE_", ErrorKind::SandboxFile))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{REASONS, ReasonInfo};
    use crate::error::ErrorKind;

    #[test]
    fn each_reason_has_one_row_and_something_to_do() {
        let unique: HashSet<_> = REASONS.iter().map(|row| row.reason).collect();
        assert_eq!(unique.len(), REASONS.len());
        for row in REASONS {
            assert!(row.hint.or(row.kind.info().hint).is_some(), "{} has no hint", row.reason);
        }
    }

    #[test]
    fn a_reason_of_a_newer_server_means_what_its_family_means() {
        let kind = |reason| ReasonInfo::of(reason).map(|row| row.kind);
        assert_eq!(kind("CWSANDBOX_FSS_FROM_THE_FUTURE"), Some(ErrorKind::Snapshot));
        assert_eq!(kind("CWSANDBOX_VOLUME_FROM_THE_FUTURE"), Some(ErrorKind::Volume));
        assert_eq!(kind("CWSANDBOX_FROM_THE_FUTURE"), None);
        assert_eq!(kind("VOLUME_NOT_FOUND"), None);
    }
}
