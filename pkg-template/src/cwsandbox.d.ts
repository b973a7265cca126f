// The official Node SDK's shape over this package: `createSandboxClient` and what it gives, with the same names. Programs
// written for it need another import only, and then also run in Deno, Bun, workers and browsers.
//
// What differs: errors are this package's classes under the other names, and their `code` says more; a `pageToken` of
// `list` is good for the client that gave it, and once; outputs are never cut silently, so `…BytesProduced` counts what
// is there.
import { JetwayError, type Client, type NetworkOptions, type Resources, type SandboxStatus, type ServiceSpec } from "./index.js";

export {
  AuthenticationError as CWSandboxAuthenticationError, ConfigurationError as CWSandboxConfigurationError, DEFAULT_BASE_URL,
  DEFAULT_CONTAINER_IMAGE, DEFAULT_GRACEFUL_SHUTDOWN_SECONDS, JetwayError as CWSandboxError,
  NotSupportedError as CWSandboxNotImplementedError, SandboxExecutionError as CWSandboxExecutionError,
  SandboxFailedError as CWSandboxFailedError, SandboxFileError as CWSandboxFileError,
  SandboxNotFoundError as CWSandboxNotFoundError, SandboxResourceExhaustedError as CWSandboxResourceExhaustedError,
  SandboxStreamBackpressureError as CWSandboxStreamBackpressureError,
  SandboxStreamTruncatedError as CWSandboxStreamTruncatedError,
  SandboxTerminalStateUnavailableError as CWSandboxTerminalStateUnavailableError,
  SandboxTerminatedError as CWSandboxTerminatedError, SandboxTimeoutError as CWSandboxTimeoutError,
  SandboxUnavailableError as CWSandboxUnavailableError,
  SnapshotBucketMismatchError as CWSandboxSnapshotBucketMismatchError,
  SnapshotQuotaExceededError as CWSandboxSnapshotQuotaExceededError,
  SnapshotSizeExceededError as CWSandboxSnapshotSizeExceededError, ValidationError as CWSandboxValidationError,
} from "./index.js";
/** Whatever a server or the way to it answered: `instanceof` holds for every error with a gRPC code. */
export class CWSandboxTransportError extends JetwayError {}
export function isCWSandboxError(value: unknown): value is JetwayError;

export const DEFAULT_KEEP_ALIVE_COMMAND: readonly string[];
export const DEFAULT_SNAPSHOT_TIMEOUT_MS: 600_000;
export const DEFAULT_LIST_ALL_TIMEOUT_MS: 300_000;

export interface SandboxClientOptions {
  apiKey?: string | undefined;
  /** Default: the hosted service. */
  baseUrl?: string | undefined;
  /** With one of these two the key is a W&B account's. */
  entity?: string | undefined;
  project?: string | undefined;
  /** Instead of all that. */
  client?: Client | undefined;
}

/** A client with an API key. */
export function createSandboxClient(options: SandboxClientOptions): SandboxClient;
/** A client by `CWSANDBOX_API_KEY` and `CWSANDBOX_BASE_URL`. Default: this program's environment. */
export function createSandboxClientFromEnv(env?: Readonly<Record<string, string | undefined>>): SandboxClient;

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}
export interface MissingOkOptions extends RequestOptions {
  readonly missingOk?: boolean;
}
export interface StopOptions extends MissingOkOptions {
  /** Default: 10. */
  readonly gracefulShutdownSeconds?: number;
}

export interface FileSystemSnapshotOptions {
  readonly mountPath: string;
  readonly size?: string;
  readonly restoreFromSnapshotId?: string;
}
export interface ScratchVolumeOptions extends FileSystemSnapshotOptions {
  readonly name: string;
}
export interface SecretInput {
  readonly store: string;
  readonly name: string;
  readonly field?: string;
  readonly envVar?: string;
}

export interface SandboxRunOptions extends RequestOptions {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containerImage?: string;
  readonly environmentVariables?: Readonly<Record<string, string>>;
  /** One scratch volume, named `workspace`. Instead of `volumes`. */
  readonly fileSystemSnapshot?: FileSystemSnapshotOptions;
  readonly volumes?: readonly ScratchVolumeOptions[];
  readonly maxLifetimeSeconds?: number;
  readonly mountedFiles?:
    | Readonly<Record<string, string | Uint8Array>>
    | ReadonlyArray<{ readonly path: string; readonly content: string | Uint8Array }>;
  readonly network?: NetworkOptions;
  readonly objectStorageAccess?: {
    readonly buckets: readonly string[];
    readonly permission: "read" | "read-write";
    readonly objectPrefix?: string;
  };
  readonly resources?: Resources;
  readonly runnerIds?: readonly string[];
  readonly services?: readonly ServiceSpec[];
  readonly secrets?: readonly SecretInput[];
  readonly tags?: readonly string[];
  /** Default: true. */
  readonly waitUntilRunning?: boolean;
}

export interface SandboxListOptions extends RequestOptions {
  readonly pageSize?: number;
  readonly runnerIds?: readonly string[];
  readonly showTerminated?: boolean;
  readonly status?: Exclude<SandboxStatus, "unspecified">;
  readonly tags?: readonly string[];
}
export interface ListSandboxesOptions extends SandboxListOptions {
  readonly pageToken?: string;
}

export interface SandboxInfo {
  readonly sandboxId: string;
  readonly status: SandboxStatus;
  readonly statusReason?: string;
  readonly exitCode?: number;
  readonly startedAt?: Date;
  readonly runnerId?: string;
  readonly runnerGroupId?: string;
  readonly resourceLimits?: { readonly cpu?: string; readonly memory?: string };
  readonly resourceRequests?: { readonly cpu?: string; readonly memory?: string };
  readonly exposedPorts?: ReadonlyArray<{ readonly port: number; readonly name?: string; readonly protocol?: string }>;
  readonly serviceUrls?: ReadonlyArray<{ readonly port: number; readonly name: string; readonly url: string }>;
}

export interface FileSystemSnapshotResult {
  readonly snapshotId: string;
  readonly state: "creating" | "ready" | "failed" | "deleting" | "unspecified";
  readonly trigger: "unspecified" | "manual" | "on_delete";
  readonly sizeBytes?: number;
  readonly stateReason?: string;
  readonly objectBucket?: string;
  readonly sourceSandboxId?: string;
  readonly sourceVolumeName?: string;
  readonly createdAt?: Date;
  readonly completedAt?: Date;
}

export interface SandboxList extends AsyncIterable<Sandbox> {
  byPage(): AsyncIterable<readonly Sandbox[]>;
  collect(): Promise<readonly Sandbox[]>;
}

export interface SandboxClient {
  create(options?: SandboxRunOptions): Promise<Sandbox>;
  run(command: readonly string[], options?: SandboxRunOptions): Promise<Sandbox>;
  get(sandboxId: string, options?: RequestOptions): Promise<SandboxInfo>;
  fromId(sandboxId: string, options?: RequestOptions): Promise<Sandbox>;
  list(options?: ListSandboxesOptions): Promise<{ readonly sandboxes: readonly SandboxInfo[]; readonly nextPageToken?: string }>;
  listSandboxes(options?: SandboxListOptions): SandboxList;
  listAll(options?: SandboxListOptions): Promise<readonly Sandbox[]>;
  delete(sandboxId: string, options?: MissingOkOptions): Promise<void>;
  getSnapshot(snapshotId: string, options?: RequestOptions): Promise<FileSystemSnapshotResult>;
  listSnapshots(
    options?: RequestOptions & { readonly sourceSandboxId?: string; readonly state?: FileSystemSnapshotResult["state"] },
  ): Promise<readonly FileSystemSnapshotResult[]>;
  deleteSnapshot(snapshotId: string, options?: MissingOkOptions): Promise<void>;
  /** Stops the sandbox when the callback is done. */
  withSandbox<Result>(callback: (sandbox: Sandbox) => Promise<Result> | Result, options?: SandboxRunOptions): Promise<Result>;
  withSandbox<Result>(
    command: readonly string[],
    callback: (sandbox: Sandbox) => Promise<Result> | Result,
    options?: SandboxRunOptions,
  ): Promise<Result>;
}

export interface Sandbox extends Partial<Omit<SandboxInfo, "sandboxId">> {
  readonly sandboxId: string;
  readonly commands: SandboxCommands;
  readonly files: SandboxFiles;
  readonly logs: SandboxLogs;
  /** The same as `commands.run`. */
  exec(command: readonly string[], options?: ExecOptions): Promise<ProcessResult>;
  inspect(options?: RequestOptions): Promise<SandboxInfo>;
  getStatus(options?: RequestOptions): Promise<SandboxStatus>;
  shell(options?: RequestOptions & { readonly cols?: number; readonly rows?: number; readonly command?: readonly string[] }): Promise<TerminalSession>;
  /** `timeoutMs` defaults to 60 000. */
  wait(options?: RequestOptions & { readonly targetStatus?: "completed" | "paused" | "running" | "terminal" }): Promise<Sandbox>;
  snapshot(options?: RequestOptions): Promise<FileSystemSnapshotResult>;
  stop(options?: StopOptions): Promise<void>;
  delete(options?: MissingOkOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ExecOptions extends RequestOptions {
  readonly check?: boolean;
  readonly cwd?: string;
}
export interface StartCommandOptions extends ExecOptions {
  readonly bufferedMaxKiB?: number;
  readonly stdin?: boolean;
}
export interface ProcessResult {
  readonly command: readonly string[];
  readonly exitCode: number;
  readonly failed: boolean;
  readonly ok: boolean;
  readonly stdout: string;
  readonly stdoutBytes: Uint8Array;
  readonly stdoutBytesProduced: number;
  readonly stdoutTruncated: boolean;
  readonly stderr: string;
  readonly stderrBytes: Uint8Array;
  readonly stderrBytesProduced: number;
  readonly stderrTruncated: boolean;
}
export interface SandboxCommands {
  run(command: readonly string[], options?: ExecOptions): Promise<ProcessResult>;
  start(command: readonly string[], options: StartCommandOptions & { readonly stdin: true }): Promise<CommandProcessWithStdin>;
  start(command: readonly string[], options?: StartCommandOptions): Promise<CommandProcess>;
}
export type CommandProcessStatus = "cancelled" | "exited" | "failed" | "running" | "starting";
export interface CommandProcess {
  readonly command: readonly string[];
  readonly exitCode: number | undefined;
  readonly status: CommandProcessStatus;
  readonly stdout: AsyncIterable<string>;
  readonly stderr: AsyncIterable<string>;
  cancel(options?: RequestOptions): Promise<void>;
  poll(): number | undefined;
  wait(options?: RequestOptions): Promise<ProcessResult>;
}
export interface CommandInputWriter {
  readonly closed: boolean;
  close(options?: RequestOptions): Promise<void>;
  write(data: string | Uint8Array, options?: RequestOptions): Promise<void>;
  writeln(text: string, options?: RequestOptions): Promise<void>;
}
export interface CommandProcessWithStdin extends CommandProcess {
  readonly stdin: CommandInputWriter;
}
export interface TerminalSession {
  readonly command: readonly string[];
  readonly exitCode: number | undefined;
  readonly status: CommandProcessStatus;
  readonly output: AsyncIterable<Uint8Array>;
  readonly stdin: CommandInputWriter;
  cancel(options?: RequestOptions): Promise<void>;
  poll(): number | undefined;
  resize(cols: number, rows: number, options?: RequestOptions): Promise<void>;
  wait(options?: RequestOptions): Promise<{ readonly command: readonly string[]; readonly exitCode: number }>;
}

type FileWrites = ReadonlyArray<{ readonly path: string; readonly content: string | Uint8Array }> | Readonly<Record<string, string | Uint8Array>>;
export interface SandboxFiles {
  read(path: string, options?: RequestOptions): Promise<Uint8Array>;
  read(paths: readonly string[], options?: RequestOptions): Promise<Readonly<Record<string, Uint8Array>>>;
  readStream(path: string, options?: RequestOptions): AsyncIterable<Uint8Array>;
  readText(path: string, options?: RequestOptions): Promise<string>;
  readText(paths: readonly string[], options?: RequestOptions): Promise<Readonly<Record<string, string>>>;
  write(path: string, content: string | Uint8Array, options?: RequestOptions): Promise<void>;
  write(files: FileWrites, options?: RequestOptions): Promise<void>;
  writeStream(path: string, source: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options?: RequestOptions): Promise<void>;
}

export interface LogStreamOptions extends RequestOptions {
  readonly follow?: boolean;
  readonly resume?: { readonly offset: bigint | number | string; readonly sessionId: string };
  readonly sinceTime?: Date | string;
  readonly tailLines?: number;
  readonly timestamps?: boolean;
}
export interface LogItems<Item> extends AsyncIterable<Item> {
  readonly closed: boolean;
  readonly offset: string | undefined;
  readonly sessionId: string | undefined;
  cancel(options?: RequestOptions): Promise<void>;
  close(options?: RequestOptions): Promise<void>;
}
export interface LogEntry {
  readonly line: string;
  readonly offset?: string;
  readonly sessionId?: string;
  readonly timestamp?: Date;
}
export interface LogRawChunk extends Omit<LogEntry, "line"> {
  readonly data: Uint8Array;
  readonly text: string;
}
export interface SandboxLogs {
  read(options?: Omit<LogStreamOptions, "follow">): Promise<string[]>;
  stream(options?: LogStreamOptions): Promise<LogItems<string>>;
  streamEntries(options?: LogStreamOptions): Promise<LogItems<LogEntry>>;
  streamRaw(options?: LogStreamOptions): Promise<LogItems<LogRawChunk>>;
}
