// Cloud Sandbox's exceptions. Each is also an instance of the matching class of the core, so that one catch works for both,
// and of SandboxError, the base that Cloud Sandbox's users catch.

import * as core from "./errors.js";

const OURS = Symbol("Cloud Sandbox's error");

/** A class below one of the core's. */
function define(name, Parent, statusCode) {
  const Class = class extends Parent {
    get statusCode() {
      return statusCode;
    }

    /** What the server said, as far as it is data. */
    get response() {
      const { code, reason, message, metadata } = this;
      return { error: code, reason, message, metadata };
    }
  };
  Class.code = Parent.code;
  Object.defineProperty(Class, "name", { value: name });
  Object.defineProperty(Class.prototype, "name", { value: name, writable: true, configurable: true });
  Object.defineProperty(Class.prototype, OURS, { value: true });
  return Class;
}

export const SandboxError = define("SandboxError", core.SandboxError, undefined);
Object.defineProperty(SandboxError, Symbol.hasInstance, { value: (it) => it?.[OURS] === true });
export const AuthError = define("AuthError", core.AuthenticationError, 401);
export const TimeoutError = define("TimeoutError", core.SandboxTimeoutError, undefined);
export const NotFoundError = define("NotFoundError", core.SandboxNotFoundError, 404);
export const RateLimitError = define("RateLimitError", core.RateLimitError, 429);
export const ServiceUnavailableError = define("ServiceUnavailableError", core.SandboxUnavailableError, 502);

/** In the order in which they are tried. */
const TABLE = [
  [core.AuthenticationError, AuthError],
  [core.SandboxTimeoutError, TimeoutError],
  [core.SandboxNotFoundError, NotFoundError],
  [core.RateLimitError, RateLimitError],
  [core.SandboxUnavailableError, ServiceUnavailableError],
  [core.NetworkError, ServiceUnavailableError],
  [core.SandboxError, SandboxError],
  [core.JetwayError, SandboxError],
];

/** The same error in Cloud Sandbox's words; what is no error of this package stays. */
export function translated(error) {
  if (error instanceof SandboxError || !(error instanceof core.JetwayError)) return error;
  const [, Class] = TABLE.find(([Theirs]) => error instanceof Theirs);
  return new Class(error.message, { ...error, cause: error });
}
