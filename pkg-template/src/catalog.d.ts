// Templates, secret stores and runners.
import type { CallOptions, Client, RunOptions, Sandbox } from "./index.js";

export interface EntryOptions extends CallOptions {
  client?: Client | undefined;
}

export interface TemplateOptions extends EntryOptions {
  /** Also those that were deleted. */
  showDeleted?: boolean | undefined;
}

/** What to change of a template; what is left out stays. */
export interface TemplateChanges {
  displayName?: string | undefined;
  /** Replaces the whole of what its sandboxes are asked for. */
  sandbox?: RunOptions | undefined;
}

/** A stored specification that sandboxes are made from, as the server has it. Frozen. */
export class SandboxTemplate {
  private constructor();
  /** Stores a template: takes the options of a sandbox, whose `displayName` is the template's. */
  static create(options?: RunOptions): Promise<SandboxTemplate>;
  static get(templateId: string, options?: TemplateOptions): Promise<SandboxTemplate>;
  /** Every template, the newest first. */
  static list(options?: TemplateOptions): Promise<SandboxTemplate[]>;
  /** Changes the name, or replaces the options. Sandboxes that were made from it stay as they are. */
  static update(templateId: string, changes: TemplateChanges, options?: EntryOptions): Promise<SandboxTemplate>;
  /** Deletes a template; it stays visible to `showDeleted`. */
  static delete(templateId: string, options?: EntryOptions): Promise<void>;
  /** Starts a sandbox from it. */
  run(options?: RunOptions): Sandbox;
  readonly templateId: string;
  readonly displayName: string | undefined;
  readonly image: string | undefined;
  /** Main command and its arguments; empty for the default. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly tags: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly maxLifetimeSeconds: number | undefined;
  /** Names of all containers; the values above are the primary one's. */
  readonly containers: readonly string[];
  /** Grows by one with each change. */
  readonly revision: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  readonly deletedAt: Date | undefined;
  /** Its sandboxes need one's own runners. */
  readonly requiresCks: boolean;
}

export interface SecretStoreOptions extends EntryOptions {
  /** Takes the secrets of this Weights & Biases team. Default: the server's own files. */
  wandbTeam?: string | undefined;
  /** That team's service, unless it is the public one. */
  wandbApiUrl?: string | undefined;
}

/** A place that secrets are taken from; never their values. Frozen. */
export class SecretStore {
  private constructor();
  /** Registers a store under a name; the secrets stay with its provider. */
  static create(name: string, options?: SecretStoreOptions): Promise<SecretStore>;
  static get(name: string, options?: EntryOptions): Promise<SecretStore>;
  static list(options?: EntryOptions): Promise<SecretStore[]>;
  /** Forgets a store. Sandboxes keep the values that they got. */
  static delete(name: string, options?: EntryOptions & { missingOk?: boolean | undefined }): Promise<void>;
  readonly name: string;
  readonly wandbTeam: string | undefined;
  readonly wandbApiUrl: string | undefined;
  /** Undefined for one that the operator configured. */
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

/** Which runners to list. Default: all. */
export interface RunnerFilter extends EntryOptions {
  groupId?: string | undefined;
  /** Those with this accelerator, by product name. */
  gpuType?: string | undefined;
  /** For example `"amd64"`. */
  architecture?: string | undefined;
  /** Those that take sandboxes now. */
  healthyOnly?: boolean | undefined;
  /** Also says what is free. */
  includeResources?: boolean | undefined;
}

export interface RunnerCapacity {
  /** Thousandths of a core. */
  readonly cpuMillicores: number;
  readonly memoryBytes: number;
  readonly gpuCount: number;
}

/** A machine or cluster that hosts sandboxes. Frozen. */
export class Runner {
  private constructor();
  static list(filter?: RunnerFilter): Promise<Runner[]>;
  /** One runner, with what is free on it. */
  static get(runnerId: string, options?: EntryOptions): Promise<Runner>;
  readonly runnerId: string;
  readonly groupId: string | undefined;
  readonly tags: readonly string[];
  /** Takes new sandboxes at the moment. */
  readonly healthy: boolean;
  /** Serves more than one organization. */
  readonly shared: boolean;
  readonly connectedAt: Date | undefined;
  /** The largest sandbox that it could host. */
  readonly capacity: RunnerCapacity;
  /** What is free now; undefined unless asked for. */
  readonly available: RunnerCapacity | undefined;
  readonly runningSandboxes: number | undefined;
  readonly gpuTypes: readonly string[];
  readonly architectures: readonly string[];
  readonly supportsPrivileged: boolean;
  readonly storageClasses: readonly string[];
}

/** The same as {@link Runner.list}. */
export function listRunners(filter?: RunnerFilter): Promise<Runner[]>;
/** The same as {@link Runner.get}. */
export function getRunner(runnerId: string, options?: EntryOptions): Promise<Runner>;

export interface PurgeOptions extends CallOptions {
  /** At least one: removing everything has to be asked for by a tag. */
  tags: readonly string[];
  dryRun?: boolean | undefined;
  client?: Client | undefined;
}

/** What removing many sandboxes did. */
export interface PurgeReport {
  /** How many are removed, or would be. */
  readonly count: number;
  /** Ids of those that could not be. */
  readonly failed: readonly string[];
  /** Which of those may work later. */
  readonly retryable: readonly string[];
}
