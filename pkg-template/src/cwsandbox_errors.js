// The official SDK's names of errors, for ours. Each says more than it did there: `reason`, `hint`, `retryable`.

import { JetwayError } from "jetway";

export {
  AuthenticationError as CWSandboxAuthenticationError, ConfigurationError as CWSandboxConfigurationError,
  JetwayError as CWSandboxError, NotSupportedError as CWSandboxNotImplementedError,
  SandboxExecutionError as CWSandboxExecutionError, SandboxFailedError as CWSandboxFailedError,
  SandboxFileError as CWSandboxFileError, SandboxNotFoundError as CWSandboxNotFoundError,
  SandboxResourceExhaustedError as CWSandboxResourceExhaustedError,
  SandboxStreamBackpressureError as CWSandboxStreamBackpressureError,
  SandboxStreamTruncatedError as CWSandboxStreamTruncatedError,
  SandboxTerminalStateUnavailableError as CWSandboxTerminalStateUnavailableError,
  SandboxTerminatedError as CWSandboxTerminatedError, SandboxTimeoutError as CWSandboxTimeoutError,
  SandboxUnavailableError as CWSandboxUnavailableError,
  SnapshotBucketMismatchError as CWSandboxSnapshotBucketMismatchError,
  SnapshotQuotaExceededError as CWSandboxSnapshotQuotaExceededError,
  SnapshotSizeExceededError as CWSandboxSnapshotSizeExceededError, ValidationError as CWSandboxValidationError,
} from "jetway";

/** Whatever a server or the way to it answered: every error with a gRPC code. */
export class CWSandboxTransportError extends JetwayError {
  static [Symbol.hasInstance](value) {
    return value instanceof JetwayError && value.grpcCode !== undefined;
  }
}

export const isCWSandboxError = (value) => value instanceof JetwayError;
