// Snapshots of scratch volumes and registered volumes. Plain frozen values; the calls are the core's.

import { call, clientOf } from "./client.js";
import { Entry } from "./entry.js";
import { checkOptions } from "./options.js";
import { text } from "./spec.js";

/** What a scratch volume held at one moment, as the server has it. */
export class Snapshot extends Entry {
  static async get(snapshotId, options) {
    const { client, ...limits } = checkOptions("entry", options, "Snapshot.get");
    return new Snapshot(await call(clientOf({ client }), (core) => core.getSnapshot(text("snapshotId", snapshotId), limits)));
  }

  /** Every snapshot, or those of one sandbox; the oldest first. */
  static async list(options) {
    const { client, sourceSandboxId, ...limits } = checkOptions("snapshots", options, "Snapshot.list");
    const found = await call(clientOf({ client }), (core) => core.listSnapshots(sourceSandboxId, limits));
    return found.map((plain) => new Snapshot(plain));
  }

  /** Deletes a snapshot. Sandboxes that were restored from it keep what they have. */
  static async delete(snapshotId, options) {
    const { client, missingOk = false, ...limits } = checkOptions("delete", options, "Snapshot.delete");
    const ask = (core) => core.deleteSnapshot(text("snapshotId", snapshotId), Boolean(missingOk), limits);
    await call(clientOf({ client }), ask);
  }
}

/** A directory that outlives sandboxes and that several may see, as the server has it. */
export class Volume extends Entry {
  /** Registers a volume over a claim; on one machine that is the name of a directory, made when it is missing. */
  static async create(claim, options) {
    const { client, ...rest } = checkOptions("volume", options, "Volume.create");
    return new Volume(await call(clientOf({ client }), (core) => core.createVolume(text("claim", claim), rest)));
  }

  static async get(volumeId, options) {
    const { client, ...limits } = checkOptions("entry", options, "Volume.get");
    return new Volume(await call(clientOf({ client }), (core) => core.getVolume(text("volumeId", volumeId), limits)));
  }

  static async list(options) {
    const { client, ...limits } = checkOptions("entry", options, "Volume.list");
    const found = await call(clientOf({ client }), (core) => core.listVolumes(limits));
    return found.map((plain) => new Volume(plain));
  }

  /** Changes what is given. Sandboxes that use it already go on as they began. */
  static async update(volumeId, changes, options) {
    const given = checkOptions("volumeChanges", changes, "Volume.update");
    const { client, ...limits } = checkOptions("entry", options, "Volume.update");
    const ask = (core) => core.updateVolume(text("volumeId", volumeId), given, limits);
    return new Volume(await call(clientOf({ client }), ask));
  }

  /** Forgets a volume; what is in it stays. */
  static async delete(volumeId, options) {
    const { client, missingOk = false, force = false, ...limits } = checkOptions("volumeDelete", options, "Volume.delete");
    const ask = (core) => core.deleteVolume(text("volumeId", volumeId), Boolean(missingOk), Boolean(force), limits);
    await call(clientOf({ client }), ask);
  }

  /** Has it checked again whether it can be mounted. */
  static async validate(volumeId, options) {
    const { client, ...limits } = checkOptions("entry", options, "Volume.validate");
    return new Volume(await call(clientOf({ client }), (core) => core.validateVolume(text("volumeId", volumeId), limits)));
  }
}
