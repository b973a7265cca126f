// The error classes. Rust decides which one and fills the fields (its table in `src/error/kind.rs` has the same rows; a
// test compares them); this file only makes the objects, so that both sides share the classes.

/** What an error is, for `instanceof` of a class in another copy of this package: the codes of its class and all above. */
const KINDS = Symbol.for("jetway.error.kinds");

/** The root of everything that this package throws, except `TypeError` for an option that does not exist. */
export class JetwayError extends Error {
  constructor(message, fields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code ?? this.constructor.code;
    this.reason = fields.reason;
    this.domain = fields.domain;
    this.metadata = fields.metadata ?? {};
    this.retryable = fields.retryable ?? false;
    this.retryDelayMs = fields.retryDelayMs;
    this.grpcCode = fields.grpcCode;
    this.operation = fields.operation;
    this.sandboxId = fields.sandboxId;
    this.hint = fields.hint;
    this.fieldViolations = fields.fieldViolations ?? [];
  }

  static [Symbol.hasInstance](value) {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    // Of ours, not of a class that somebody derived from it.
    return Object.hasOwn(this, "code") && Boolean(value?.[KINDS]?.includes(this.code));
  }
}
JetwayError.code = "jetway_error";
JetwayError.prototype.name = "JetwayError";
JetwayError.prototype[KINDS] = ["jetway_error"];

const classes = new Map([["jetway_error", JetwayError]]);

// `name` is a literal on the prototype, because consumers' minifiers rename classes.
function define(code, name, Parent) {
  const Class = class extends Parent {};
  Class.code = code;
  Class.prototype[KINDS] = [code, ...Parent.prototype[KINDS]];
  Object.defineProperty(Class, "name", { value: name });
  Object.defineProperty(Class.prototype, "name", { value: name, writable: true, configurable: true });
  classes.set(code, Class);
  return Class;
}

export const CancelledError = define("cancelled", "CancelledError", JetwayError);
export const ConfigurationError = define("configuration_error", "ConfigurationError", JetwayError);
export const NotSupportedError = define("not_supported", "NotSupportedError", JetwayError);
export const AuthenticationError = define("authentication_error", "AuthenticationError", JetwayError);
export const WandbAuthError = define("wandb_auth_error", "WandbAuthError", AuthenticationError);
export const ValidationError = define("validation_error", "ValidationError", JetwayError);
export const RateLimitError = define("rate_limit", "RateLimitError", JetwayError);
export const NetworkError = define("network_error", "NetworkError", JetwayError);
export const SandboxError = define("sandbox_error", "SandboxError", JetwayError);
export const SandboxValidationError = define("sandbox_validation_error", "SandboxValidationError", ValidationError);
export const SandboxNotRunningError = define("sandbox_not_running", "SandboxNotRunningError", SandboxError);
export const SandboxUnavailableError = define("unavailable", "SandboxUnavailableError", SandboxNotRunningError);
export const SandboxTimeoutError = define("timeout_error", "SandboxTimeoutError", SandboxError);
export const SandboxRequestTimeoutError = define("request_timeout", "SandboxRequestTimeoutError", SandboxTimeoutError);
export const SandboxCommandTimeoutError = define("command_timeout", "SandboxCommandTimeoutError", SandboxTimeoutError);
export const SandboxWaitTimeoutError = define("wait_timeout", "SandboxWaitTimeoutError", SandboxTimeoutError);
export const SandboxResourceExhaustedError = define("resource_exhausted", "SandboxResourceExhaustedError", SandboxError);
export const SandboxTerminatedError = define("sandbox_terminated", "SandboxTerminatedError", SandboxError);
export const SandboxFailedError = define("sandbox_failed", "SandboxFailedError", SandboxError);
export const SandboxNotFoundError = define("not_found", "SandboxNotFoundError", SandboxError);
export const SandboxExecutionError = define("execution_error", "SandboxExecutionError", SandboxError);
export const SandboxStreamBackpressureError = define("stream_backpressure", "SandboxStreamBackpressureError", SandboxExecutionError);
export const SandboxStreamTruncatedError = define("stream_truncated", "SandboxStreamTruncatedError", SandboxExecutionError);
export const SandboxFileError = define("file_error", "SandboxFileError", SandboxError);
export const SandboxTerminalStateUnavailableError = define("terminal_state_unavailable", "SandboxTerminalStateUnavailableError", SandboxError);
export const SandboxProtocolError = define("protocol_error", "SandboxProtocolError", SandboxError);
export const SandboxSnapshotError = define("snapshot_error", "SandboxSnapshotError", SandboxError);
export const SnapshotNotFoundError = define("snapshot_not_found", "SnapshotNotFoundError", SandboxSnapshotError);
export const SnapshotNotReadyError = define("snapshot_not_ready", "SnapshotNotReadyError", SandboxSnapshotError);
export const SnapshotNotSupportedError = define("snapshot_not_supported", "SnapshotNotSupportedError", SandboxSnapshotError);
export const SnapshotSizeExceededError = define("snapshot_size_exceeded", "SnapshotSizeExceededError", SandboxSnapshotError);
export const SnapshotQuotaExceededError = define("snapshot_quota_exceeded", "SnapshotQuotaExceededError", SandboxSnapshotError);
export const SnapshotBucketMismatchError = define("snapshot_bucket_mismatch", "SnapshotBucketMismatchError", SandboxSnapshotError);
export const SnapshotWaitTimeoutError = define("snapshot_wait_timeout", "SnapshotWaitTimeoutError", SandboxTimeoutError);
export const SnapshotBucketProvisioningError = define("snapshot_bucket_provisioning", "SnapshotBucketProvisioningError", SandboxUnavailableError);
export const SnapshotBackendThrottledError = define("snapshot_backend_throttled", "SnapshotBackendThrottledError", SandboxUnavailableError);
export const SnapshotOnStopConflictError = define("snapshot_on_stop_conflict", "SnapshotOnStopConflictError", SandboxSnapshotError);
export const VolumeError = define("volume_error", "VolumeError", SandboxError);
export const VolumeNotFoundError = define("volume_not_found", "VolumeNotFoundError", VolumeError);
export const VolumeNotReadyError = define("volume_not_ready", "VolumeNotReadyError", VolumeError);
export const VolumePlacementConflictError = define("volume_placement_conflict", "VolumePlacementConflictError", VolumeError);
export const VolumeTypeNotSupportedError = define("volume_type_not_supported", "VolumeTypeNotSupportedError", VolumeError);
export const VolumeNotSnapshottableError = define("volume_not_snapshottable", "VolumeNotSnapshottableError", VolumeError);
export const VolumeRunnerIneligibleError = define("volume_runner_ineligible", "VolumeRunnerIneligibleError", VolumeError);
export const VolumeBackendNotFoundError = define("volume_backend_not_found", "VolumeBackendNotFoundError", VolumeError);
export const VolumeInUseError = define("volume_in_use", "VolumeInUseError", VolumeError);
export const VolumeQuotaExceededError = define("volume_quota_exceeded", "VolumeQuotaExceededError", VolumeError);
export const VolumeWaitTimeoutError = define("volume_wait_timeout", "VolumeWaitTimeoutError", SandboxTimeoutError);
export const VolumeRunnerUnavailableError = define("volume_runner_unavailable", "VolumeRunnerUnavailableError", SandboxUnavailableError);
export const DiscoveryError = define("discovery_error", "DiscoveryError", JetwayError);
export const TemplateNotFoundError = define("template_not_found", "TemplateNotFoundError", SandboxError);
export const SecretStoreNotFoundError = define("secret_store_not_found", "SecretStoreNotFoundError", SandboxError);
export const RunnerNotFoundError = define("runner_not_found", "RunnerNotFoundError", DiscoveryError);
export const FunctionError = define("function_error", "FunctionError", JetwayError);
export const AsyncFunctionError = define("async_function_error", "AsyncFunctionError", FunctionError);
export const FunctionSerializationError = define("function_serialization_error", "FunctionSerializationError", FunctionError);

/** What some kinds say in words of their own, out of what the server told. */
const tell = (Class, name) => Object.defineProperty(Class.prototype, name, { get() { return this.metadata[name]; }, configurable: true });
tell(SandboxFileError, "filepath");

export { JetwayError as AviatoError, JetwayError as CWSandboxError };

/** The error that Rust describes. Imported by the core. */
export function makeError(fields) {
  return new (classes.get(fields.code) ?? JetwayError)(fields.message, fields);
}

/** The error for input of the wrong type, which is the caller's bug and not a condition to handle. Imported by the core. */
export function makeTypeError(message) {
  return new TypeError(message);
}

/** For the rules that JavaScript alone can check. */
export const invalid = (field, description) =>
  new ValidationError(`${field}: ${description}`, { fieldViolations: [{ field, description }] });

/** What an aborted call rejects with. */
export const cancelled = (what, cause) =>
  new CancelledError(`${what} was cancelled`, { cause, grpcCode: 1 });
