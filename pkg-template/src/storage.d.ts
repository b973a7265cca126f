// Snapshots and volumes.
import type { EntryOptions } from "./catalog.js";
import type { DeleteOptions } from "./index.js";

/** A directory beside a sandbox's own file system: a scratch one that ends with it, or a registered one. */
export type VolumeOptions = ScratchVolumeOptions | RegisteredVolumeOptions;

interface MountedVolumeOptions {
  /** Absolute path inside; made when missing. */
  mountPath: string;
  /** Unique in the sandbox. Default: `workspace` for the first, and for further ones the last part of the path. */
  name?: string | undefined;
  readOnly?: boolean | undefined;
  /** The directory of the volume that is meant, relative. Default: all of it. */
  subPath?: string | undefined;
}

export interface ScratchVolumeOptions extends MountedVolumeOptions {
  /** The most it may hold, e.g. `"1Gi"`. */
  size?: string | undefined;
  /** What it lies on. Default: the server's choice. */
  medium?: "disk" | "memory" | undefined;
  /** The snapshot that it begins with. */
  snapshotId?: string | undefined;
  volumeId?: undefined;
}

export interface RegisteredVolumeOptions extends MountedVolumeOptions {
  /** A registered volume, by its id. */
  volumeId: string;
  size?: undefined;
  medium?: undefined;
  snapshotId?: undefined;
}

/** What a scratch volume held at one moment, kept until it is deleted. Frozen. */
export class Snapshot {
  private constructor();
  static get(snapshotId: string, options?: EntryOptions): Promise<Snapshot>;
  /** Every snapshot, or those of one sandbox; the oldest first. */
  static list(options?: EntryOptions & { sourceSandboxId?: string | undefined }): Promise<Snapshot[]>;
  /** Deletes a snapshot. Sandboxes that were restored from it keep what they have. */
  static delete(snapshotId: string, options?: DeleteOptions): Promise<void>;
  /** What `volumes: [{ snapshotId }]` takes. */
  readonly snapshotId: string;
  readonly status: "creating" | "ready" | "failed" | "deleting" | "unspecified";
  readonly statusReason: string | undefined;
  /** Bytes of the files in it. */
  readonly sizeBytes: number;
  readonly sourceSandboxId: string;
  readonly sourceVolume: string;
  readonly trigger: "manual" | "onDelete" | "unspecified";
  readonly bucket: string | undefined;
  readonly createdAt: Date | undefined;
  readonly completedAt: Date | undefined;
}

export interface VolumeSpec extends EntryOptions {
  namespace?: string | undefined;
  /** The part of the claim that is meant. */
  subPath?: string | undefined;
  runnerId?: string | undefined;
  /** However a sandbox mounts it. */
  readOnly?: boolean | undefined;
  description?: string | undefined;
}

/** What to change of a volume; what is left out stays. */
export interface VolumeChanges {
  readOnly?: boolean | undefined;
  description?: string | undefined;
}

/** A directory that outlives sandboxes and that several may see. Frozen. */
export class Volume {
  private constructor();
  /** Registers a volume over a claim; on one machine that is the name of a directory, made when it is missing. */
  static create(claim: string, options?: VolumeSpec): Promise<Volume>;
  static get(volumeId: string, options?: EntryOptions): Promise<Volume>;
  static list(options?: EntryOptions): Promise<Volume[]>;
  /** Changes what is given. Sandboxes that use it already go on as they began. */
  static update(volumeId: string, changes: VolumeChanges, options?: EntryOptions): Promise<Volume>;
  /** Forgets a volume; what is in it stays. `force`: even while sandboxes use it. */
  static delete(volumeId: string, options?: DeleteOptions & { force?: boolean | undefined }): Promise<void>;
  /** Has it checked again whether it can be mounted. */
  static validate(volumeId: string, options?: EntryOptions): Promise<Volume>;
  readonly volumeId: string;
  readonly claim: string;
  readonly namespace: string | undefined;
  readonly subPath: string | undefined;
  readonly runnerId: string | undefined;
  readonly readOnly: boolean;
  readonly description: string | undefined;
  readonly status: "validating" | "ready" | "error" | "deleting" | "unspecified";
  readonly statusReason: string | undefined;
  readonly attachedSandboxes: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}
