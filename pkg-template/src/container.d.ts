// Containers: what each of several may be asked for, and sandboxes from compose files.
import type { Client } from "./client.js";
import type { NetworkOptions } from "./network.js";
import type { ObjectStorageAccess, Resources, SecretMapping } from "./index.js";
import type { Data } from "./process.js";

/**
 * A command that is repeated until it exits with 0: only then its container counts as started, and the sandbox as
 * running. What is left out is the server's choice.
 */
export interface Probe {
  /** Command and arguments, run without a shell. */
  exec: readonly string[];
  /** Time between two attempts. */
  periodSeconds?: number | undefined;
  /** How long one attempt may take. */
  timeoutSeconds?: number | undefined;
  /** After so many failures in a row the sandbox has failed. */
  failureThreshold?: number | undefined;
  /** Time before the first attempt. Default: none. */
  initialDelaySeconds?: number | undefined;
}

/** Credentials for the registry of an image, kept in a secret store. */
export interface ImagePullCredentials {
  /** Host name of the registry, e.g. `"ghcr.io"`. */
  registry: string;
  /** Name of the secret store. */
  store: string;
  /** Name of the secret in it. */
  path: string;
  /** Field of a secret with several. Default: its only value. */
  field?: string | undefined;
}

/** Where one container sees a volume of the sandbox. */
export interface VolumeMount {
  /** Name of the volume. */
  volume: string;
  /** Absolute path inside; made when missing. */
  mountPath: string;
  readOnly?: boolean | undefined;
  /** The directory of the volume that is meant, relative. Default: all of it. */
  subPath?: string | undefined;
}

/**
 * One container of a sandbox with several. They have file systems of their own and share one network: they reach each
 * other at `127.0.0.1`.
 */
export interface ContainerOptions {
  /** What `container` of a process, a file or a log names. Each has its own. */
  name: string;
  /** Default: `python:3.11`, which then waits. */
  image?: string | null | undefined;
  /** Main command. Default: the image's own. */
  command?: string | readonly string[] | null | undefined;
  args?: readonly string[] | null | undefined;
  /** Environment of the main command and of every process in it. */
  env?: Record<string, string | undefined> | null | undefined;
  /** Working directory of the main command and of every process in it, absolute. */
  cwd?: string | null | undefined;
  resources?: Resources | null | undefined;
  /** Files that exist before the main command starts. */
  mountedFiles?:
    | Record<string, string | Uint8Array>
    | ReadonlyArray<{ path: string; content: string | Uint8Array }>
    | null
    | undefined;
  /** Secrets that become environment variables. */
  secrets?: readonly SecretMapping[] | null | undefined;
  /** Where it sees volumes of the sandbox. One that is not named here is seen at the volume's own path. */
  volumeMounts?: readonly VolumeMount[] | null | undefined;
  /** Decides when it counts as started. */
  startupProbe?: Probe | null | undefined;
  /** For an image of a private registry. */
  imagePullCredentials?: ImagePullCredentials | null | undefined;
  /** Whether it is what calls mean that name no container; its end is the sandbox's. Default: the first is. */
  primary?: boolean | undefined;
}

/** What is said about a sandbox from a compose file; the file says the rest. */
export interface FromFileOptions {
  /** The service that calls mean that name no container. Default: the first. */
  primaryService?: string | undefined;
  /** Images by service; they win over the file's. */
  imageOverrides?: Record<string, string> | undefined;
  /** Archives (tar) of what services are built from, by service. */
  buildContexts?: Record<string, Data | Blob> | undefined;
  /** Sizes of the machines that build, by service. */
  builderSizes?: Record<string, string> | undefined;
  /** For images of private registries, one per registry. */
  imagePullCredentials?: ImagePullCredentials | readonly ImagePullCredentials[] | undefined;
  /** Of services for which the file says nothing. */
  resources?: Resources | null | undefined;
  tags?: readonly string[] | null | undefined;
  annotations?: Record<string, string> | null | undefined;
  displayName?: string | null | undefined;
  maxLifetimeSeconds?: number | undefined;
  runnerIds?: readonly string[] | null | undefined;
  placementMode?: "serverless" | "cks" | undefined;
  placementSpillover?: "serverless_then_cks" | "cks_then_serverless" | null | undefined;
  createRetryBudgetMs?: number | null | undefined;
  network?: NetworkOptions | null | undefined;
  objectStorageAccess?: ObjectStorageAccess | null | undefined;
  tempDir?: string | undefined;
  requestTimeoutMs?: number | undefined;
  detached?: boolean | undefined;
  signal?: AbortSignal | undefined;
  client?: Client | undefined;
}
