// A server and how to call it; what every call takes.
import type { CancelledError, JetwayError } from "./errors.js";

/** An absolute limit and a way to stop, which every network call takes. */
export interface CallOptions {
  /** Ends the call; its promise rejects with a {@link CancelledError} whose `cause` is the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long the call may take. */
  timeoutMs?: number | undefined;
}

/** How a call is carried. `process.transport` says which one it was. */
export type Transport = "fetch" | "duplex" | "websocket" | "http2";

/** What an `auth` function gives. */
export type Credentials =
  | string
  | {
      token: string;
      /** After this long the function is asked again; a little earlier in fact. Without it, when the token is refused. */
      expiresInMs?: number | undefined;
    }
  | {
      /** Headers that say who calls, where a bearer token will not do. */
      headers: Record<string, string>;
      expiresInMs?: number | undefined;
    };

export interface ClientOptions {
  /** Root of the server. In a page: its own origin. Elsewhere: the environment, a running local server, the hosted service. */
  baseUrl?: string | undefined;
  /** A token, or a function that gives one: asked before the first call, before it expires, and after it was refused. */
  auth?: string | (() => Credentials | Promise<Credentials>) | undefined;
  /** An account's key. Refused in a web page, where everybody could read it. */
  apiKey?: string | undefined;
  /** Sent with every call. */
  headers?: Record<string, string> | undefined;
  /** How long a call may take unless it says otherwise. Default: 300 000. */
  requestTimeoutMs?: number | undefined;
  /** How calls that may be repeated are, after failures that pass by themselves; `false` repeats nothing. */
  retry?: boolean | RetryOptions | undefined;
  /** See every attempt of every call, in this order. */
  interceptors?: readonly Interceptor[] | undefined;
  /** Forces a transport. Default: `"auto"`, the best that works here and with this server. */
  transport?: "auto" | Transport | undefined;
  /** Replaces the runtime's own, for the calls that carry bytes. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Replaces the runtime's own, or gives one where there is none. */
  WebSocket?: (new (url: string, protocol: string) => unknown) | undefined;
  dangerouslyAllowApiKeyInBrowser?: boolean | undefined;
}

/** Pauses grow at random between the shortest and three times the last; what the server asks for is honoured. */
export interface RetryOptions {
  /** How often a call is tried in all. Default: 4. */
  attempts?: number | undefined;
  /** After how long no further attempt is begun. Default: 60 000. */
  budgetMs?: number | undefined;
  /** Default: 100. */
  firstDelayMs?: number | undefined;
  /** Default: 2000. */
  maxDelayMs?: number | undefined;
}

/** One attempt of a call, as an {@link Interceptor} sees it. */
export interface InterceptedCall {
  /** The rpc, e.g. `CreateSandbox`. */
  readonly operation: string;
  readonly sandboxId: string | undefined;
  /** From 1. */
  readonly attempt: number;
  /** What is added here is sent with the call. */
  readonly headers: Record<string, string>;
}

/** Is told how the call went. A stream went well when it is open; a call that is given up is cancelled. */
export type Aftermath = (error: JetwayError | undefined) => void;

/** Sees a call before it is sent; what it throws refuses the call, and the function it gives is told how it went. */
export type Interceptor = (call: InterceptedCall) => void | Aftermath | Promise<void | Aftermath>;

/** A server and how to call it. Nothing is connected before the first call. */
export class Client {
  constructor(options?: ClientOptions);
}

/**
 * Sets the options of the client that everything uses which is given none. `signalHandlers: false`, said before the first
 * sandbox, leaves SIGINT, SIGTERM and SIGHUP alone; so does the variable `CWSANDBOX_DISABLE_SIGNAL_HANDLERS`.
 */
export function configure(options?: ClientOptions & { signalHandlers?: boolean | undefined }): void;
