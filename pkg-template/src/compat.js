// Everything of the package, and the spellings of the SDKs before it, so that their code needs another import only.

import {
  AuthenticationError, CancelledError, Client, ConfigurationError, NetworkError, NotSupportedError, RateLimitError,
  SandboxWaitTimeoutError, ValidationError,
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
export const LEGACY_DEFAULT_COMMAND = "tail";
export const LEGACY_DEFAULT_ARGS = Object.freeze(["-f", "/dev/null"]);

/** How a remote function's values travel, by the names of an enumeration. */
export const Serialization = Object.freeze({
  JSON: "json",
  STRUCTURED: "structured",
  get PICKLE() {
    throw new TypeError("Serialization.PICKLE: pickle runs code when it is read and is gone; STRUCTURED keeps types, JSON is the default");
  },
});

/** What comes in and goes out, in the older words. Frozen; goes where `network` goes. */
export class NetworkOptions {
  constructor({ ingressMode, exposedPorts, egressMode, ...unknown } = {}) {
    const [key] = Object.keys(unknown);
    if (key !== undefined) throw new TypeError(`NetworkOptions: unknown option "${key}"; known are ingressMode, exposedPorts, egressMode`);
    if (ingressMode !== undefined) this.ingressMode = ingressMode;
    if (exposedPorts !== undefined && exposedPorts !== null) this.exposedPorts = Object.freeze([...exposedPorts]);
    if (egressMode !== undefined) this.egressMode = egressMode;
    Object.freeze(this);
  }
}

/** A promise that is also asked for its result, with a limit on the waiting. */
export class OperationRef extends Promise {
  /** Of anything that can be awaited. */
  static of(work) {
    return new OperationRef((resolve, reject) => Promise.resolve(work).then(resolve, reject));
  }

  /** What it comes to. The limit ends the waiting, not the work. */
  async result(timeoutSeconds) {
    if (timeoutSeconds === undefined) return this;
    let timer;
    const late = new Promise((_, reject) => {
      const tell = () => reject(new SandboxWaitTimeoutError(`the result was not there within ${timeoutSeconds} s`));
      timer = setTimeout(tell, timeoutSeconds * 1000);
    });
    try {
      return await Promise.race([this, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  get(timeoutSeconds) {
    return this.result(timeoutSeconds);
  }
}
