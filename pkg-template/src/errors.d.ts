// The error classes: one per kind of the core's table, every one with its stable `code`.
import type { ProcessResult } from "./index.js";

export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** The root of everything that this package throws, except `TypeError` for input of the wrong type or an unknown option. */
export class JetwayError extends Error {
  /** Stable, one per class. */
  readonly code: string;
  /** The server's machine-readable reason. */
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether the same call may succeed later without any change. */
  readonly retryable: boolean;
  readonly retryDelayMs: number | undefined;
  readonly grpcCode: number | undefined;
  readonly operation: string | undefined;
  readonly sandboxId: string | undefined;
  /** What to do about it. */
  readonly hint: string | undefined;
  readonly fieldViolations: readonly FieldViolation[];
  /** Of a process that failed: what it printed so far. */
  readonly result?: ProcessResult;
}
export { JetwayError as AviatoError, JetwayError as CWSandboxError };
export class CancelledError extends JetwayError {}
export class ConfigurationError extends JetwayError {}
export class NotSupportedError extends JetwayError {}
export class AuthenticationError extends JetwayError {}
export class WandbAuthError extends AuthenticationError {}
export class ValidationError extends JetwayError {}
export class RateLimitError extends JetwayError {}
/** The server could not be reached; `metadata.diagnosis` says why. */
export class NetworkError extends JetwayError {}
export class SandboxError extends JetwayError {}
export class SandboxValidationError extends ValidationError {}
export class SandboxNotRunningError extends SandboxError {}
export class SandboxUnavailableError extends SandboxNotRunningError {}
export class SandboxTimeoutError extends SandboxError {}
export class SandboxRequestTimeoutError extends SandboxTimeoutError {}
export class SandboxCommandTimeoutError extends SandboxTimeoutError {}
export class SandboxWaitTimeoutError extends SandboxTimeoutError {}
export class SandboxResourceExhaustedError extends SandboxError {}
export class SandboxTerminatedError extends SandboxError {}
export class SandboxFailedError extends SandboxError {}
export class SandboxNotFoundError extends SandboxError {}
export class SandboxExecutionError extends SandboxError {
  /** Of a remote function that threw: the name of what it threw. */
  readonly exceptionType?: string;
  readonly exceptionMessage?: string;
  /** Its stack where it ran, in the lines of its own source. */
  readonly remoteStack?: string;
}
export class SandboxStreamBackpressureError extends SandboxExecutionError {}
export class SandboxStreamTruncatedError extends SandboxExecutionError {}
export class SandboxFileError extends SandboxError {
  /** The file it is about. */
  readonly filepath: string | undefined;
}
export class SandboxTerminalStateUnavailableError extends SandboxError {}
export class SandboxProtocolError extends SandboxError {}
export class SandboxSnapshotError extends SandboxError {}
export class SnapshotNotFoundError extends SandboxSnapshotError {}
export class SnapshotNotReadyError extends SandboxSnapshotError {}
export class SnapshotNotSupportedError extends SandboxSnapshotError {}
export class SnapshotSizeExceededError extends SandboxSnapshotError {}
export class SnapshotQuotaExceededError extends SandboxSnapshotError {}
export class SnapshotBucketMismatchError extends SandboxSnapshotError {}
export class SnapshotWaitTimeoutError extends SandboxTimeoutError {}
export class SnapshotBucketProvisioningError extends SandboxUnavailableError {}
export class SnapshotBackendThrottledError extends SandboxUnavailableError {}
export class SnapshotOnStopConflictError extends SandboxSnapshotError {}
export class VolumeError extends SandboxError {}
export class VolumeNotFoundError extends VolumeError {}
export class VolumeNotReadyError extends VolumeError {}
export class VolumePlacementConflictError extends VolumeError {}
export class VolumeTypeNotSupportedError extends VolumeError {}
export class VolumeNotSnapshottableError extends VolumeError {}
export class VolumeRunnerIneligibleError extends VolumeError {}
export class VolumeBackendNotFoundError extends VolumeError {}
export class VolumeInUseError extends VolumeError {}
export class VolumeQuotaExceededError extends VolumeError {}
export class VolumeWaitTimeoutError extends SandboxTimeoutError {}
export class VolumeRunnerUnavailableError extends SandboxUnavailableError {}
export class DiscoveryError extends JetwayError {}
export class TemplateNotFoundError extends SandboxError {}
export class SecretStoreNotFoundError extends SandboxError {}
export class RunnerNotFoundError extends DiscoveryError {}
export class FunctionError extends JetwayError {}
export class AsyncFunctionError extends FunctionError {}
export class FunctionSerializationError extends FunctionError {}
