// A provider for ComputeSDK (npm `computesdk`), version 4.
import type { CommandResult, CreateSandboxOptions, RunCommandOptions, SandboxInfo, SandboxInterface, Snapshot } from "computesdk";
import type { Client, ClientOptions, RunOptions, Sandbox } from "./index.js";

/** Where sandboxes come from, and what they have unless a `create` says otherwise. */
export interface JetwayProviderOptions extends Omit<RunOptions, "client" | "signal"> {
  /** What ComputeSDK calls the provider. Default: `"jetway"`. */
  name?: string | undefined;
  /** Whom to ask. Default: one with the two options below. */
  client?: Client | undefined;
  /** As a {@link Client}'s. */
  baseUrl?: string | undefined;
  /** As a {@link Client}'s. */
  auth?: ClientOptions["auth"];
  /** Tags that every sandbox gets; lists show those with all of them only. */
  tags?: readonly string[] | undefined;
  /** Where every sandbox has a scratch volume, which snapshots save. Default: none, or `/workspace` with a `snapshotId`. */
  workspace?: string | undefined;
}

/** ComputeSDK's options, of which these are read: image, templateId, snapshotId, envs, metadata (as annotations), name,
 * directory, timeout, cpu (cores), memory and memoryMiB (MiB), signal, and `ports` to be public. */
export interface JetwayCreateOptions extends CreateSandboxOptions {
  ports?: number[];
}

export interface JetwaySandbox extends SandboxInterface {
  /** A line for the shell. `timeout` is in milliseconds; a command that it ends has the exit code 124. */
  runCommand(command: string, options?: RunCommandOptions): Promise<CommandResult>;
  getInfo(): Promise<SandboxInfo>;
  getProvider(): JetwayProvider;
  /** The sandbox, with everything that this package can do. */
  getInstance(): Sandbox;
}

export interface JetwayProvider {
  readonly name: string;
  readonly sandbox: {
    /** Resolves when it is running. */
    create(options?: JetwayCreateOptions): Promise<JetwaySandbox>;
    getById(sandboxId: string): Promise<JetwaySandbox | null>;
    list(): Promise<JetwaySandbox[]>;
    destroy(sandboxId: string): Promise<void>;
  };
  readonly snapshot: {
    /** Of a sandbox's only scratch volume, see `workspace`. Names and metadata are not kept. */
    create(sandboxId: string, options?: { name?: string; metadata?: Record<string, any> }): Promise<Snapshot>;
    list(): Promise<Snapshot[]>;
    delete(snapshotId: string): Promise<void>;
  };
}

/** A provider for `compute.setConfig({ provider: jetway({ baseUrl, auth }) })`. */
export function jetway(options?: JetwayProviderOptions): JetwayProvider;
