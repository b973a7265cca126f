//! The table of error kinds: stable code, class name, parent, whether a retry can help, what to do.
//! The JavaScript classes, the types and the docs are checked against it.
//! Must not know: where errors come from.

/// What the table knows about a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindInfo {
    /// Stable snake_case code.
    pub code: &'static str,
    /// Name of the JavaScript class.
    pub class: &'static str,
    /// The more general kind, `None` for the root.
    pub parent: Option<ErrorKind>,
    /// Whether the same call may succeed later without any change.
    pub retryable: bool,
    /// What to do, where the kind alone says it.
    pub hint: Option<&'static str>,
}

/// Declares the enum, the list and the table from one set of rows, so that none of them can lack a kind.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $code:literal, $class:literal, $parent:expr, $retry:literal, $hint:expr;)+) => {
        /// What sort of failure an error is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)+
        }

        impl ErrorKind {
            /// Every kind, parents before their children.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The kind's row in the table.
            pub fn info(self) -> KindInfo {
                use ErrorKind::*;
                match self {
                    $($kind => KindInfo { code: $code, class: $class, parent: $parent, retryable: $retry, hint: $hint },)+
                }
            }
        }
    };
}

kinds! {
    /// Anything that has no kind of its own; the root of the hierarchy.
    Other: "jetway_error", "JetwayError", None, false,
        Some("Please report it with its message: an error without a kind of its own is a gap");
    /// The caller cancelled the call.
    Cancelled: "cancelled", "CancelledError", Some(Other), false,
        Some("The caller ended it; nothing needs to be done");
    /// The client cannot work as it is set up.
    Configuration: "configuration_error", "ConfigurationError", Some(Other), false,
        Some("Check how the client is set up; the message names the option");
    /// This backend or this host cannot do what was asked.
    NotSupported: "not_supported", "NotSupportedError", Some(Other), false,
        Some("This server or runtime lacks the feature; `hint` and `reason` say what would provide it.");
    /// The server refused the credentials, or they lack a permission.
    Authentication: "authentication_error", "AuthenticationError", Some(Other), false,
        Some("Check the token and the account's rights on this server.");
    /// W&B credentials are missing or incomplete.
    WandbAuth: "wandb_auth_error", "WandbAuthError", Some(Authentication), false,
        Some("W&B needs an API key and an entity.");
    /// The input is wrong; `field_violations` says where.
    Validation: "validation_error", "ValidationError", Some(Other), false,
        Some("Correct the field that `fieldViolations` names");
    /// Too many calls.
    RateLimit: "rate_limit", "RateLimitError", Some(Other), true, Some("Slow down and repeat after `retry_delay`.");
    /// The server could not be reached or did not speak gRPC; see `Error::diagnosis`.
    Network: "network_error", "NetworkError", Some(Other), true,
        Some("Check that the server runs and can be reached");
    /// A sandbox operation failed for a reason without a kind of its own.
    Sandbox: "sandbox_error", "SandboxError", Some(Other), false,
        Some("`reason` and `metadata` have what the server says; `operation` is the call that failed");
    /// The server found the input wrong; `field_violations` says where, in the wire's terms.
    SandboxValidation: "sandbox_validation_error", "SandboxValidationError", Some(Validation), false,
        Some("Correct the field that `fieldViolations` names");
    /// The sandbox does not take work: not yet, or not any more.
    SandboxNotRunning: "sandbox_not_running", "SandboxNotRunningError", Some(Sandbox), false,
        Some("Start another sandbox: this one does not take work any more.");
    /// The sandbox or its runner cannot be reached right now.
    SandboxUnavailable: "unavailable", "SandboxUnavailableError", Some(SandboxNotRunning), true,
        Some("Try again in a moment: the runner or the server is not there right now");
    /// Something took longer than it was given.
    SandboxTimeout: "timeout_error", "SandboxTimeoutError", Some(Sandbox), false,
        Some("Give it more time");
    /// A call did not finish within its deadline.
    SandboxRequestTimeout: "request_timeout", "SandboxRequestTimeoutError", Some(SandboxTimeout), true,
        Some("Give the call a longer timeout, or look whether the server is overloaded.");
    /// A command ran longer than its timeout and was killed.
    SandboxCommandTimeout: "command_timeout", "SandboxCommandTimeoutError", Some(SandboxTimeout), false,
        Some("Give the command a longer timeout.");
    /// A state was not reached in time. The sandbox goes on.
    SandboxWaitTimeout: "wait_timeout", "SandboxWaitTimeoutError", Some(SandboxTimeout), false,
        Some("Wait longer (`timeoutMs`), or look at `statusReason` for what holds it up");
    /// Capacity, quota or a size limit is used up.
    SandboxResourceExhausted: "resource_exhausted", "SandboxResourceExhaustedError", Some(Sandbox), true,
        Some("Free capacity (stop sandboxes), ask for less, or try again later.");
    /// The sandbox was stopped.
    SandboxTerminated: "sandbox_terminated", "SandboxTerminatedError", Some(Sandbox), false,
        Some("Start another sandbox; `waitUntilComplete({ raiseOnTermination: false })` takes this end for one");
    /// The sandbox did not start; the message has its reason.
    SandboxFailed: "sandbox_failed", "SandboxFailedError", Some(Sandbox), false,
        Some("`statusReason` says why it did not start: most often the image, the command or a mounted file");
    /// There is no such sandbox.
    SandboxNotFound: "not_found", "SandboxNotFoundError", Some(Sandbox), false,
        Some("Check the id: the sandbox may have been deleted, or belong to another account or server.");
    /// A command failed: a non-zero exit under `check`, or its stream broke.
    SandboxExecution: "execution_error", "SandboxExecutionError", Some(Sandbox), false,
        Some("`result` has what the command printed and its exit code");
    /// The server gave up because output was not read.
    StreamBackpressure: "stream_backpressure", "SandboxStreamBackpressureError", Some(SandboxExecution), false,
        Some("Read the output faster, or collect less of it.");
    /// A stream ended before its end.
    StreamTruncated: "stream_truncated", "SandboxStreamTruncatedError", Some(SandboxExecution), false,
        Some("Some output is missing: run the command again, or have it write to a file");
    /// A file could not be read or written; metadata has `filepath`.
    SandboxFile: "file_error", "SandboxFileError", Some(Sandbox), false,
        Some("Check the path and the permissions; `metadata.filepath` is the one that was asked for");
    /// The sandbox was stopped, but its last state cannot be learnt any more.
    TerminalStateUnavailable: "terminal_state_unavailable", "SandboxTerminalStateUnavailableError", Some(Sandbox), false,
        Some("It was stopped. `missingOk: true` takes that for success");
    /// The server's answer breaks the protocol.
    Protocol: "protocol_error", "SandboxProtocolError", Some(Sandbox), false,
        Some("Client and server may be of different versions.");
    /// A file-system snapshot operation failed.
    Snapshot: "snapshot_error", "SandboxSnapshotError", Some(Sandbox), false,
        Some("`reason` says what went wrong; the sandbox goes on");
    /// There is no such snapshot.
    SnapshotNotFound: "snapshot_not_found", "SnapshotNotFoundError", Some(Snapshot), false,
        Some("Check the id: the snapshot may have been deleted, or belong to another account");
    /// The snapshot is still being made.
    SnapshotNotReady: "snapshot_not_ready", "SnapshotNotReadyError", Some(Snapshot), true,
        Some("Wait until it is ready, then try again");
    /// Snapshots are not available here.
    SnapshotNotSupported: "snapshot_not_supported", "SnapshotNotSupportedError", Some(Snapshot), false,
        Some("This server takes no snapshots: copy what you need with `files.download`");
    /// The snapshot would be too large.
    SnapshotSizeExceeded: "snapshot_size_exceeded", "SnapshotSizeExceededError", Some(Snapshot), false,
        Some("Delete what need not be saved, or keep it on another volume");
    /// The account has too many snapshots.
    SnapshotQuotaExceeded: "snapshot_quota_exceeded", "SnapshotQuotaExceededError", Some(Snapshot), false,
        Some("Delete old snapshots.");
    /// The snapshot lies in another bucket than the one configured.
    SnapshotBucketMismatch: "snapshot_bucket_mismatch", "SnapshotBucketMismatchError", Some(Snapshot), false,
        Some("Restore it where its bucket is configured");
    /// The snapshot was not ready in time.
    SnapshotWaitTimeout: "snapshot_wait_timeout", "SnapshotWaitTimeoutError", Some(SandboxTimeout), false,
        Some("Wait longer; the snapshot goes on being made");
    /// The snapshot bucket is still being set up.
    SnapshotBucketProvisioning: "snapshot_bucket_provisioning", "SnapshotBucketProvisioningError", Some(SandboxUnavailable), true,
        Some("Try again in a moment: the bucket is being set up");
    /// The snapshot backend is busy.
    SnapshotBackendThrottled: "snapshot_backend_throttled", "SnapshotBackendThrottledError", Some(SandboxUnavailable), true,
        Some("Try again in a moment, with fewer snapshots at the same time");
    /// A snapshot on stop was asked for together with something that rules it out.
    SnapshotOnStopConflict: "snapshot_on_stop_conflict", "SnapshotOnStopConflictError", Some(Snapshot), false,
        Some("Ask for the snapshot with the first stop, and without `missingOk`");
    /// A volume operation failed.
    Volume: "volume_error", "VolumeError", Some(Sandbox), false,
        Some("`reason` says what went wrong");
    /// There is no such volume.
    VolumeNotFound: "volume_not_found", "VolumeNotFoundError", Some(Volume), false,
        Some("Check the id: the volume may have been deleted, or belong to another account");
    /// The volume is not ready yet.
    VolumeNotReady: "volume_not_ready", "VolumeNotReadyError", Some(Volume), true,
        Some("Wait until it is ready, then try again");
    /// The volumes cannot all be mounted in one place.
    VolumePlacementConflict: "volume_placement_conflict", "VolumePlacementConflictError", Some(Volume), false,
        Some("Mount volumes that live in the same place, or leave one out");
    /// That type of volume is not available here.
    VolumeTypeNotSupported: "volume_type_not_supported", "VolumeTypeNotSupportedError", Some(Volume), false,
        Some("Choose another type of volume, or another runner");
    /// That volume cannot be snapshotted.
    VolumeNotSnapshottable: "volume_not_snapshottable", "VolumeNotSnapshottableError", Some(Volume), false,
        Some("Only scratch volumes can be snapshotted");
    /// The runner cannot mount that volume.
    VolumeRunnerIneligible: "volume_runner_ineligible", "VolumeRunnerIneligibleError", Some(Volume), false,
        Some("Choose another runner, or leave `runnerIds` out");
    /// What the volume points at does not exist.
    VolumeBackendNotFound: "volume_backend_not_found", "VolumeBackendNotFoundError", Some(Volume), false,
        Some("Check what the volume points at: bucket, file system or directory");
    /// The volume is attached.
    VolumeInUse: "volume_in_use", "VolumeInUseError", Some(Volume), false, Some("Stop the sandboxes that use it.");
    /// The account has too many volumes.
    VolumeQuotaExceeded: "volume_quota_exceeded", "VolumeQuotaExceededError", Some(Volume), false,
        Some("Delete old volumes");
    /// The volume was not ready in time.
    VolumeWaitTimeout: "volume_wait_timeout", "VolumeWaitTimeoutError", Some(SandboxTimeout), false,
        Some("Wait longer; the volume goes on being made");
    /// The volume's runner cannot be reached right now.
    VolumeRunnerUnavailable: "volume_runner_unavailable", "VolumeRunnerUnavailableError", Some(SandboxUnavailable), true,
        Some("Try again in a moment");
    /// Runners could not be discovered.
    Discovery: "discovery_error", "DiscoveryError", Some(Other), false,
        Some("Check the filters, and whether the account may list runners");
    /// There is no such runner.
    RunnerNotFound: "runner_not_found", "RunnerNotFoundError", Some(Discovery), false,
        Some("Check the id with a list of the available runners");
    /// There is no such template.
    TemplateNotFound: "template_not_found", "TemplateNotFoundError", Some(Sandbox), false,
        Some("List the templates: it may have been deleted, or belong to another account or server.");
    /// There is no such secret store.
    SecretStoreNotFound: "secret_store_not_found", "SecretStoreNotFoundError", Some(Sandbox), false,
        Some("List the secret stores, or register it first.");
    /// A remote function could not be run or raised.
    Function: "function_error", "FunctionError", Some(Other), false,
        Some("The cause has what the function raised, with its remote stack");
    /// The function is asynchronous in a way that cannot be sent.
    AsyncFunction: "async_function_error", "AsyncFunctionError", Some(Function), false,
        Some("Give a function that can be sent by its source");
    /// An argument or a result cannot be serialized.
    FunctionSerialization: "function_serialization_error", "FunctionSerializationError", Some(Function), false,
        Some("Give values that JSON can carry, or use `serialization: \"structured\"`");
}

impl ErrorKind {
    /// Whether this kind is `other` or one of its descendants.
    pub fn is(self, other: Self) -> bool {
        let mut kind = Some(self);
        while let Some(current) = kind {
            if current == other {
                return true;
            }
            kind = current.info().parent;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ErrorKind;

    #[test]
    fn codes_and_classes_are_unique() {
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.info().code).collect();
        let classes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.info().class).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        assert_eq!(classes.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn every_kind_leads_to_the_root_and_follows_its_parent() {
        let mut seen = HashSet::new();
        for kind in ErrorKind::ALL {
            assert!(kind.is(ErrorKind::Other), "{kind:?}");
            assert!(kind.info().parent.is_none_or(|parent| seen.contains(&parent)), "{kind:?} precedes its parent");
            seen.insert(*kind);
        }
    }

    #[test]
    fn every_kind_says_what_to_do() {
        for kind in ErrorKind::ALL {
            assert!(kind.info().hint.is_some_and(|hint| hint.len() > 10), "{kind:?}");
        }
    }

    #[test]
    fn codes_are_snake_case() {
        for kind in ErrorKind::ALL {
            let code = kind.info().code;
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code}");
        }
    }
}
