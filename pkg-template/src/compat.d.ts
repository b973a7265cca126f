// The spellings of the SDKs before this one, and everything of this one.
import {
  AuthenticationError, CancelledError, Client, ConfigurationError, NetworkError, NotSupportedError, RateLimitError,
  ValidationError,
} from "jetway";

export * from "jetway";

export {
  AuthenticationError as AviatoAuthenticationError, CancelledError as AviatoCancelledError, Client as AviatoClient,
  ConfigurationError as AviatoConfigurationError, NetworkError as AviatoNetworkError,
  NotSupportedError as AviatoNotSupportedError, RateLimitError as AviatoRateLimitError,
  ValidationError as AviatoValidationError,
};
export {
  AuthenticationError as CWSandboxAuthenticationError, CancelledError as CWSandboxCancelledError,
  Client as CWSandboxClient, ConfigurationError as CWSandboxConfigurationError, NetworkError as CWSandboxNetworkError,
  NotSupportedError as CWSandboxNotSupportedError, RateLimitError as CWSandboxRateLimitError,
  ValidationError as CWSandboxValidationError,
};

/** The main command that sandboxes once had, which does not hear SIGTERM. */
export const LEGACY_DEFAULT_COMMAND: "tail";
export const LEGACY_DEFAULT_ARGS: readonly ["-f", "/dev/null"];

/** How a remote function's values travel, by the names of an enumeration. */
export const Serialization: { readonly JSON: "json"; readonly STRUCTURED: "structured" };

/** What comes in and goes out, in the older words. Frozen; goes where `network` goes. */
export class NetworkOptions {
  constructor(options?: {
    /** Who may reach `exposedPorts`. */
    ingressMode?: "public" | "internal" | null | undefined;
    exposedPorts?: readonly number[] | null | undefined;
    egressMode?: "internet" | "isolated" | "org" | null | undefined;
  });
  readonly ingressMode?: "public" | "internal" | null;
  readonly exposedPorts?: readonly number[];
  readonly egressMode?: "internet" | "isolated" | "org" | null;
}

/** A promise that is also asked for its result, with a limit on the waiting. */
export class OperationRef<T> extends Promise<T> {
  /** Of anything that can be awaited. */
  static of<T>(work: T | PromiseLike<T>): OperationRef<T>;
  /** What it comes to. The limit ends the waiting, not the work. */
  result(timeoutSeconds?: number): Promise<T>;
  /** The same as `result`. */
  get(timeoutSeconds?: number): Promise<T>;
}
