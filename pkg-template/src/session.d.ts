// Sessions: sandboxes that are made with the same defaults, counted together and stopped together.
import type { PythonValue, RemoteFunction, RemotePythonFunction, SessionFunctionOptions } from "./remote.js";
import type { CallOptions, Client, ListOptions, RunOptions, Sandbox, SandboxList, StopOptions } from "./index.js";

/** Where a sandbox's short-lived files go. */
export const DEFAULT_TEMP_DIR: string;

/** What many sandboxes have in common: all options but those that are one sandbox's own. */
export interface SandboxDefaultsOptions
  extends Omit<RunOptions, "mountedFiles" | "displayName" | "detached" | "signal" | "client"> {
  /** Root of the server, for a session that is given no client. */
  baseUrl?: string | undefined;
}

/** What many sandboxes have in common. Deep-frozen. */
export class SandboxDefaults {
  constructor(options?: SandboxDefaultsOptions);
  /** Defaults as they are, or of a plain object. */
  static from(value?: SandboxDefaults | SandboxDefaultsOptions): SandboxDefaults;
  readonly image?: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | null;
  readonly tags: readonly string[];
  readonly resources?: RunOptions["resources"];
  readonly maxLifetimeSeconds?: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runnerIds?: readonly string[] | null;
  readonly requestTimeoutMs?: number;
  readonly tempDir: string;
  readonly baseUrl?: string;
  /** @deprecated the same as `image` */
  readonly containerImage: string | undefined;
  /** @deprecated the same as `env` */
  readonly environmentVariables: Readonly<Record<string, string>>;
  /** The default tags, then those that they lack. */
  mergeTags(additional?: readonly string[]): string[];
  /** The default environment with more on top. */
  mergeEnvironmentVariables(additional?: Record<string, string>): Record<string, string>;
  /** The default annotations with more on top. */
  mergeAnnotations(additional?: Record<string, string>): Record<string, string>;
  /** These defaults with some replaced; `null` and `[]` clear. */
  withOverrides(changes: SandboxDefaultsOptions): SandboxDefaults;
}

/** What a session did so far. */
export interface SessionMetrics {
  readonly sandboxesCreated: number;
  /** Processes that have ended, one way or the other. */
  readonly executions: number;
  readonly execCompletedOk: number;
  readonly execCompletedNonzero: number;
  /** Without an exit code: not started, timed out, cancelled, lost. */
  readonly execFailures: number;
  readonly startupCount: number;
  readonly averageStartupMs: number | undefined;
  readonly minStartupMs: number | undefined;
  readonly maxStartupMs: number | undefined;
}

/**
 * Sandboxes with shared defaults and one end: `await using session = new Session({ image: "python:3.11" })`.
 *
 * What its sandboxes say wins over the defaults; tags, environment and annotations are added to them; `null` and `[]`
 * clear a default.
 */
export class Session implements AsyncDisposable {
  constructor(defaults?: SandboxDefaults | SandboxDefaultsOptions, options?: { client?: Client | undefined });
  readonly defaults: SandboxDefaults;
  readonly client: Client;
  /** A sandbox of this session, at once. It is created with the first call on it, or by `start()`. */
  sandbox(options?: Omit<RunOptions, "client">): Sandbox;
  sandbox(command: readonly string[], options?: Omit<RunOptions, "client">): Sandbox;
  sandbox(...command: string[]): Sandbox;
  /** Has this sandbox stopped with the session, too. */
  adopt(sandbox: Sandbox): Sandbox;
  /** Finds a sandbox by its id, and adopts it unless `adopt: false`. */
  fromId(sandboxId: string, options?: CallOptions & { adopt?: boolean | undefined }): Promise<Sandbox>;
  /** Sandboxes with the session's tags; `adopt: true` has those that are seen stopped with it. */
  list(options?: Omit<ListOptions, "client"> & { adopt?: boolean | undefined }): SandboxList;
  /**
   * A function of this program; each call of it has a sandbox of this session to itself, with Node in it: `node:22`
   * unless an image is given here or in the defaults.
   */
  function<Args extends any[], Result>(fn: (...args: Args) => Result, options?: SessionFunctionOptions): RemoteFunction<Args, Result>;
  /** A Python function by its source: the last one that it defines. Each call has a sandbox of this session to itself. */
  python<Args extends any[] = any[], Result = any>(source: string, options?: SessionFunctionOptions): RemotePythonFunction<Args, Result>;
  python<Args extends any[] = any[], Result = any>(source: TemplateStringsArray, ...values: PythonValue[]): RemotePythonFunction<Args, Result>;
  /** How many of its sandboxes have not ended, as far as is known. */
  readonly sandboxCount: number;
  metrics(): SessionMetrics;
  /** Stops all of its sandboxes at the same time. What failed is the `cause`, an `AggregateError`. */
  close(options?: StopOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Stops every sandbox that would end with this program: those that it made, unless `detached`, and those adopted. */
export function cleanupAll(options?: StopOptions): Promise<void>;
