// The whole public surface of the package; its errors are in errors.d.ts. Durations end in `Ms`, except where the wire
// counts seconds.
import type { EntryOptions, PurgeOptions, PurgeReport } from "./catalog.js";
import type { CloudCreateOptions, CloudPlace, Resumed } from "./cloud.js";
import type { ContainerOptions, FromFileOptions, ImagePullCredentials, Probe } from "./container.js";
import type { Code, Execution, RunCodeOptions } from "./code.js";
import type { FileEntry, FileOptions, FileSystem, ListFilesOptions, RemoveOptions } from "./files.js";
import type { LogOptions, LogStream } from "./logs.js";
import type { ExposedPort, NetworkOptions, Service, ServiceSpec } from "./network.js";
import type { SandboxDefaults, SandboxDefaultsOptions, Session } from "./session.js";
import type { PythonValue, RemoteFunction, RemoteFunctionOptions, RemotePythonFunction } from "./remote.js";
import type { CallOptions, Client } from "./client.js";
import type { SandboxFailedError, SandboxTerminatedError } from "./errors.js";
import type { Snapshot, VolumeOptions } from "./storage.js";
import type { Data, ExecOptions, InteractiveProcess, KeptTerminal, Process, ShellOptions, ShellValue, TerminalSession } from "./process.js";

/** The states of a sandbox. One that a newer server invents is `unspecified`. */
export const SandboxStatus: {
  readonly PENDING: "pending";
  readonly CREATING: "creating";
  readonly PREPARING: "preparing";
  readonly RUNNING: "running";
  readonly PAUSED: "paused";
  readonly TERMINATING: "terminating";
  readonly COMPLETED: "completed";
  readonly FAILED: "failed";
  readonly TERMINATED: "terminated";
  readonly UNSPECIFIED: "unspecified";
};
export type SandboxStatus = (typeof SandboxStatus)[keyof typeof SandboxStatus];

/** Quantities as Kubernetes spells them: `2` or `"500m"` cores, `"512Mi"`. */
export interface ResourceAmounts {
  cpu?: string | number | undefined;
  memory?: string | undefined;
}

/** Accelerators, by type or by memory; a number is that many of any. */
export type Gpu = number | { count?: number | undefined; type?: string | undefined; memoryGb?: number | undefined };

/** Flat: the same promised as allowed. */
export interface Resources extends ResourceAmounts {
  requests?: ResourceAmounts | undefined;
  limits?: ResourceAmounts | undefined;
  gpu?: Gpu | null | undefined;
}

/** A secret of a store, and the variable that it becomes. */
export interface SecretMapping {
  /** Name of the store. */
  store: string;
  /** Name of the secret in its store. */
  path: string;
  /** Field of a secret with several. Default: its only value. */
  field?: string | undefined;
  /** Name of the environment variable. Default: `path`. */
  envVar?: string | undefined;
}

export interface ObjectStorageAccess {
  buckets: readonly string[];
  /** Default: `"read"`. */
  permission?: "read" | "readWrite" | undefined;
  /** Only objects whose names start with this. Default: all. */
  objectPrefix?: string | undefined;
}

export interface RunOptions {
  /** Default: `python:3.11`. */
  image?: string | undefined;
  /** @deprecated the same as `image` */
  containerImage?: string | undefined;
  /** Main command; the sandbox ends with it. Default: one that waits. */
  command?: string | readonly string[] | undefined;
  args?: readonly string[] | undefined;
  /** Environment of the main command and of every process. */
  env?: Record<string, string | undefined> | null | undefined;
  /** @deprecated the same as `env` */
  environmentVariables?: Record<string, string | undefined> | null | undefined;
  /** Working directory of the main command and of every process, absolute. */
  cwd?: string | null | undefined;
  /** To find it by. */
  tags?: readonly string[] | null | undefined;
  resources?: Resources | null | undefined;
  /** Files that exist before the main command starts. */
  mountedFiles?:
    | Record<string, string | Uint8Array>
    | ReadonlyArray<{ path: string; content: string | Uint8Array }>
    | null
    | undefined;
  /** After so many seconds it ends by itself. */
  maxLifetimeSeconds?: number | undefined;
  annotations?: Record<string, string> | null | undefined;
  runnerIds?: readonly string[] | null | undefined;
  /** The name people see. */
  displayName?: string | null | undefined;
  /** On whose machines it runs. Default: the server's choice; with `runnerIds`, one's own cluster (`"cks"`). */
  placementMode?: "serverless" | "cks" | undefined;
  /** What is to isolate it, by the runner's own name. */
  runtimeClass?: string | null | undefined;
  /** Which machines it asks for. */
  instanceType?: string | null | undefined;
  /** Id of the template that it is made from; every other option wins over the template's. */
  template?: string | null | undefined;
  /** Secrets that become environment variables. */
  secrets?: readonly SecretMapping[] | null | undefined;
  /** What it serves. */
  services?: readonly ServiceSpec[] | null | undefined;
  /** @deprecated use `services` */
  ports?: readonly ExposedPort[] | null | undefined;
  /** What may go in and out. */
  network?: NetworkOptions | null | undefined;
  /** Temporary object storage credentials for its processes; nothing is mounted. */
  objectStorageAccess?: ObjectStorageAccess | null | undefined;
  /** Where it goes, and where when there is no room. Instead of `placementMode`. */
  placementSpillover?: "serverless_then_cks" | "cks_then_serverless" | null | undefined;
  /** For how long its creation is repeated while there is no capacity. Default: not at all. */
  createRetryBudgetMs?: number | null | undefined;
  /** Directories beside its own file system. */
  volumes?: readonly VolumeOptions[] | null | undefined;
  /** @deprecated one scratch volume; the same as the first of `volumes` */
  fileSystemSnapshot?:
    | { mountPath: string; size?: string; name?: string; snapshotId?: string; fileSystemSnapshotId?: string }
    | null
    | undefined;
  /** Decides when it counts as running. Default: as soon as the main command runs. */
  startupProbe?: Probe | null | undefined;
  /** For an image of a private registry. */
  imagePullCredentials?: ImagePullCredentials | null | undefined;
  /** Several containers. What is one container's is then said in these, and not beside them. */
  containers?: readonly ContainerOptions[] | null | undefined;
  /** Where its short-lived files go, absolute. Default: `/tmp`. */
  tempDir?: string | undefined;
  /** How long each of its calls may take. Default: the client's. */
  requestTimeoutMs?: number | undefined;
  /** Whether it outlives this program. Otherwise it is stopped when the program ends or the page closes. Default: false. */
  detached?: boolean | undefined;
  signal?: AbortSignal | undefined;
  client?: Client | undefined;
}

export interface StopOptions extends CallOptions {
  /** How long its processes get to end by themselves; 0 kills them at once. Default: 10. */
  gracefulShutdownSeconds?: number | undefined;
  /** Takes a snapshot of every scratch volume first; see {@link Sandbox.snapshotIds}. When one fails, nothing is stopped. */
  snapshotOnStop?: boolean | undefined;
  /** As `snapshotOnStop`, of these scratch volumes only. */
  snapshotVolumes?: readonly string[] | undefined;
  /** Whether a sandbox that does not exist is fine. Rules out snapshots. */
  missingOk?: boolean | undefined;
}

export interface DeleteOptions extends CallOptions {
  missingOk?: boolean | undefined;
  client?: Client | undefined;
}

export interface ListOptions extends CallOptions {
  /** Those with all of these. */
  tags?: readonly string[] | undefined;
  status?: Exclude<SandboxStatus, "unspecified"> | undefined;
  runnerIds?: readonly string[] | undefined;
  /** Those that use one of these registered volumes. */
  volumeIds?: readonly string[] | undefined;
  /** Also those that have ended. */
  showTerminated?: boolean | undefined;
  /** @deprecated the same as `showTerminated` */
  includeStopped?: boolean | undefined;
  pageSize?: number | undefined;
  client?: Client | undefined;
}

/** A promise of all sandboxes, and an iteration that fetches pages as they are needed. */
export interface SandboxList extends PromiseLike<Sandbox[]>, AsyncIterable<Sandbox> {
  byPage(): AsyncGenerator<Sandbox[], void, undefined>;
  catch<T = never>(rejected?: ((reason: any) => T | PromiseLike<T>) | null): Promise<Sandbox[] | T>;
  finally(act?: (() => void) | null): Promise<Sandbox[]>;
}

/**
 * A remote place to run processes in. Calls start at once and wait for what they need by themselves.
 * Dropping it never stops it; `await using`, {@link Sandbox.stop} and `maxLifetimeSeconds` do.
 */
export class Sandbox implements AsyncDisposable {
  private constructor();

  /** Starts a sandbox and returns it at once. What is wrong with it is told to the first call. */
  static run(options?: RunOptions): Sandbox;
  static run(command: readonly string[], options?: RunOptions): Sandbox;
  static run(...command: string[]): Sandbox;
  static run(...commandAndOptions: [...command: string[], options: RunOptions]): Sandbox;
  /** As {@link Sandbox.run}, but resolves when it is running. */
  static create(options?: RunOptions): Promise<Sandbox>;
  /** The sandbox of a new session, for a user, by Cloud Sandbox's options. */
  static create(options: CloudCreateOptions): Promise<Sandbox>;
  /** Takes a paused session up again: its sandbox as it was, or a new one with its files; {@link Sandbox.resumed} says which. */
  static resume(sessionId: string, options?: CloudPlace): Promise<Sandbox>;
  /** Starts a sandbox from a template; the options win over what the template says. */
  static fromTemplate(templateId: string, options?: RunOptions): Sandbox;
  /** Starts a sandbox after a compose file, given as its content. Its services become containers with their names. */
  static fromFile(compose: Data | Blob, options?: FromFileOptions): Sandbox;
  /** The same as `new Session(…)`. */
  static session(defaults?: SandboxDefaults | SandboxDefaultsOptions, options?: { client?: Client | undefined }): Session;
  /** Finds a sandbox by its id; also one that has ended. */
  static fromId(sandboxId: string, options?: CallOptions & { client?: Client | undefined }): Promise<Sandbox>;
  static list(options?: ListOptions): SandboxList;
  /** The same as {@link Snapshot.get}. */
  static getSnapshot(snapshotId: string, options?: EntryOptions): Promise<Snapshot>;
  /** The same as {@link Snapshot.list}. */
  static listSnapshots(options?: EntryOptions & { sourceSandboxId?: string | undefined }): Promise<Snapshot[]>;
  /** The same as {@link Snapshot.delete}. */
  static deleteSnapshot(snapshotId: string, options?: DeleteOptions): Promise<void>;
  /** Deletes a sandbox by its id. Resolves before it has ended. */
  static delete(sandboxId: string, options?: DeleteOptions): Promise<void>;
  /** Removes every sandbox that has all of `tags`, in one call; with `dryRun` it only counts them. */
  static purge(options: PurgeOptions): Promise<PurgeReport>;
  /** Runs `act` with a new sandbox and stops it afterwards, for where `await using` is not at hand. */
  static use<T>(options: RunOptions, act: (sandbox: Sandbox) => T | Promise<T>): Promise<T>;

  /** Undefined until the server has accepted it. */
  readonly sandboxId: string | undefined;
  /** As last heard; {@link Sandbox.getStatus} asks. */
  readonly status: SandboxStatus;
  /** When the state was last heard, by this machine's clock. */
  readonly statusUpdatedAt: Date | undefined;
  readonly statusReason: string | undefined;
  readonly exitCode: number | undefined;
  /** @deprecated the same as `exitCode` */
  readonly returncode: number | undefined;
  readonly createdAt: Date | undefined;
  readonly startedAt: Date | undefined;
  readonly displayName: string | undefined;
  readonly image: string | undefined;
  readonly tags: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly runnerId: string | undefined;
  /** @deprecated the same as `runnerId` */
  readonly towerId: string | undefined;
  readonly runnerGroupId: string | undefined;
  /** @deprecated the same as `runnerGroupId` */
  readonly towerGroupId: string | undefined;
  /** @deprecated there are no runways any more */
  readonly runwayId: undefined;
  /** Ids of the snapshots that its stop took. */
  readonly snapshotIds: readonly string[];
  /** The first of `snapshotIds`. */
  readonly fileSystemSnapshotId: string | undefined;
  /** Ids of the registered volumes that it uses. */
  readonly volumeIds: readonly string[];
  readonly runtimeClass: string | undefined;
  readonly resourceRequests: { readonly cpu?: string; readonly memory?: string } | undefined;
  /** What it serves, and where. */
  readonly services: readonly Service[];
  readonly serviceUrls: ReadonlyArray<{ readonly port: number; readonly name: string; readonly url: string }>;
  readonly serviceEndpoints: readonly Service[];
  readonly serviceAddresses: ReadonlyArray<{ readonly port: number; readonly name: string; readonly address: string }>;
  /** Lets callers reach services that ask for it. A secret; known only where the sandbox was created. */
  readonly endpointShareToken: string | undefined;
  readonly resourceLimits: { readonly cpu?: string; readonly memory?: string } | undefined;

  /** Resolves when the server has accepted it. */
  start(options?: CallOptions): Promise<void>;
  /** Waits until it runs; returns itself. */
  wait(options?: CallOptions): Promise<this>;
  /**
   * Waits until it has ended by itself or by being stopped; returns itself. One that failed rejects with a
   * {@link SandboxFailedError}, one that was stopped with a {@link SandboxTerminatedError} unless `raiseOnTermination: false`.
   */
  waitUntilComplete(options?: CallOptions & { raiseOnTermination?: boolean | undefined }): Promise<this>;
  /** Its states: the present one, then each that is seen to be another, until the last. Asks only while it is read. */
  statusChanges(options?: { signal?: AbortSignal | undefined }): AsyncGenerator<SandboxStatus, void, undefined>;
  /** Stops it and waits for its end. */
  stop(options?: StopOptions): Promise<void>;
  /** Deletes it. Resolves before it has ended. */
  delete(options?: CallOptions & { missingOk?: boolean | undefined }): Promise<void>;
  /** Where the service on a port is reached. */
  url(port: number, options?: CallOptions): Promise<string>;
  getStatus(options?: CallOptions): Promise<SandboxStatus>;
  /** Takes a snapshot of a scratch volume (of the only one, if none is named) and waits until it is whole. */
  snapshot(options?: CallOptions & { volume?: string | undefined }): Promise<Snapshot>;
  /**
   * A new sandbox that begins where this one is: the same options, its scratch volumes as they are now. Files outside of
   * volumes, running processes, and what this package cannot ask for (security contexts) are not taken along.
   */
  fork(options?: CallOptions & { client?: Client | undefined }): Promise<Sandbox>;
  /** Freezes its processes and saves its workspace, as a session if it is none yet. Gives the session's id. */
  pause(): Promise<string>;
  /** Goes on after {@link Sandbox.pause}; returns itself. */
  resume(): Promise<this>;
  /** Ends it with its session and everything that is kept for that. */
  destroy(): Promise<void>;
  /** The session that it serves, once it does. */
  readonly sessionId: string | undefined;
  /** Where its short-lived files go. */
  readonly tempDir: string;
  /** How it came back from a pause: with its processes, or with its files in a new sandbox. */
  readonly resumed: Resumed | undefined;

  /** Runs a command: returns the process at once; await it for its result. */
  exec(command: readonly string[], options: ExecOptions & { stdin: true; input?: undefined }): InteractiveProcess;
  exec(command: readonly string[], options?: ExecOptions): Process;
  /**
   * Runs a shell line (bash where there is one). Each value is one word, an array as many as it has, whatever is in them;
   * it must not stand in quotes of the template's own. Options come first: `` sandbox.$({ cwd: "/src" })`make` ``.
   */
  $(strings: TemplateStringsArray, ...values: ShellValue[]): Process;
  $(options: ExecOptions): (strings: TemplateStringsArray, ...values: ShellValue[]) => Process;
  /** Opens a shell, or another command, in a terminal. */
  shell(options?: ShellOptions): TerminalSession;
  /** The terminals that the server keeps of this sandbox, the oldest first. See {@link ShellOptions.keep}. */
  terminals(options?: CallOptions): Promise<KeptTerminal[]>;
  /** Ends a kept terminal and what runs in it; resolves to whether there was one of that name. */
  endTerminal(id: string, options?: CallOptions): Promise<boolean>;
  /** What its main command printed. */
  logs(options?: LogOptions): LogStream;

  /** Its code contexts. */
  readonly code: Code;
  /** Runs code in a context; by default in the language's own, which everybody shares. */
  runCode(code: Data, options?: RunCodeOptions): Promise<Execution>;
  /** Runs a command: a line for the shell (bash where there is one), or an array. As {@link Sandbox.exec}. */
  runCommand(command: string | readonly string[], options?: ExecOptions): Process;

  /** A function of this program that runs here when it is called. Its free identifiers must be in `bind`. */
  function<Args extends any[], Result>(fn: (...args: Args) => Result, options?: RemoteFunctionOptions): RemoteFunction<Args, Result>;
  /** A Python function by its source, which runs here when it is called: the last one that the source defines. */
  python<Args extends any[] = any[], Result = any>(source: string, options?: RemoteFunctionOptions): RemotePythonFunction<Args, Result>;
  python<Args extends any[] = any[], Result = any>(source: TemplateStringsArray, ...values: PythonValue[]): RemotePythonFunction<Args, Result>;

  readFile(path: string, options: FileOptions & { encoding: "utf8" | "utf-8" }): Promise<string>;
  readFile(path: string, options?: FileOptions & { encoding?: undefined }): Promise<Uint8Array>;
  /** Creates or replaces a file of any size, its directories included. As {@link FileSystem.write}. */
  writeFile(path: string, data: Data | Blob | ReadableStream<Data> | AsyncIterable<Data>, options?: FileOptions): Promise<void>;
  listFiles(path?: string, options?: ListFilesOptions): Promise<FileEntry[]>;
  deleteFile(path: string, options?: RemoveOptions): Promise<void>;
  /** Everything that can be done with its files. */
  readonly files: FileSystem;

  toJSON(): Record<string, unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}

export * from "./catalog.js";
export * from "./client.js";
export type { CloudCreateOptions, CloudPlace, Resumed } from "./cloud.js";
export type * from "./container.js";
export * from "./storage.js";
export * from "./process.js";
export type * from "./network.js";
export * from "./code.js";
export * from "./session.js";
export * from "./credentials.js";
export * from "./constants.js";
export * from "./errors.js";
export * from "./files.js";
export * from "./logs.js";
export * from "./remote.js";
export * from "./waiting.js";
