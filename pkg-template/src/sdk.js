// Everything that the package exports, the same for every runtime. No work happens at import.

import "./dispose.js";

export { Runner, SandboxTemplate, SecretStore, getRunner, listRunners } from "./catalog.js";
export { Client, configure } from "./client.js";
export { DEFAULT_BASE_URL, resolveAuth, wandb } from "./credentials.js";
export { Code, CodeContext } from "./code.js";
export { SandboxDefaults } from "./defaults.js";
export { DEFAULT_TEMP_DIR } from "./spec.js";
export { cleanupAll } from "./owned.js";
export { Session } from "./session.js";
export * from "./status.js";
export { FileSystem } from "./files.js";
export { LogStream } from "./logs.js";
export { Process } from "./process.js";
export { Sandbox } from "./sandbox.js";
export { Snapshot, Volume } from "./storage.js";
export { TerminalSession } from "./terminal.js";
export { get, result, results, wait } from "./waiting.js";
export {
  AsyncFunctionError, AuthenticationError, AviatoError, CWSandboxError, CancelledError, ConfigurationError, DiscoveryError,
  FunctionError, FunctionSerializationError, JetwayError, NetworkError, NotSupportedError, RateLimitError,
  RunnerNotFoundError, SandboxCommandTimeoutError, SandboxError, SandboxExecutionError, SandboxFailedError,
  SandboxFileError, SandboxNotFoundError, SandboxNotRunningError, SandboxProtocolError, SandboxRequestTimeoutError,
  SandboxResourceExhaustedError, SandboxSnapshotError, SandboxStreamBackpressureError, SandboxStreamTruncatedError,
  SandboxTerminalStateUnavailableError, SandboxTerminatedError, SandboxTimeoutError, SandboxUnavailableError,
  SandboxValidationError, SandboxWaitTimeoutError, SnapshotBackendThrottledError, SnapshotBucketMismatchError,
  SnapshotBucketProvisioningError, SnapshotNotFoundError, SnapshotNotReadyError, SnapshotNotSupportedError,
  SnapshotOnStopConflictError, SnapshotQuotaExceededError, SnapshotSizeExceededError, SnapshotWaitTimeoutError,
  SecretStoreNotFoundError, TemplateNotFoundError, ValidationError, VolumeBackendNotFoundError, VolumeError, VolumeInUseError, VolumeNotFoundError, VolumeNotReadyError,
  VolumeNotSnapshottableError, VolumePlacementConflictError, VolumeQuotaExceededError, VolumeRunnerIneligibleError,
  VolumeRunnerUnavailableError, VolumeTypeNotSupportedError, VolumeWaitTimeoutError, WandbAuthError,
} from "./errors.js";
