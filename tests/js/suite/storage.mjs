// Volumes, snapshots and forks.
import { deepEqual, equal, ok, rejects } from "./assert.mjs";

const sh = async (sandbox, script) => (await sandbox.exec(["sh", "-c", script])).stdout;

export const storage = {
  "a snapshot is taken, restored, listed and deleted": async ({ jetway, client }) => {
    const { Sandbox, Snapshot } = jetway;
    const sandbox = await Sandbox.create({ client, volumes: [{ mountPath: "/work", size: "64Mi" }] });
    await sh(sandbox, "echo first > /work/file");
    const snapshot = await sandbox.snapshot();
    deepEqual([snapshot.status, snapshot.trigger, snapshot.sourceVolume, snapshot.sizeBytes], ["ready", "manual", "workspace", 6]);
    ok(snapshot.createdAt instanceof Date && Object.isFrozen(snapshot));
    await sh(sandbox, "echo second > /work/file");
    const fileSystemSnapshot = { mountPath: "/elsewhere", fileSystemSnapshotId: snapshot.snapshotId };
    const restored = await Sandbox.create({ client, fileSystemSnapshot });
    equal(await sh(restored, "cat /elsewhere/file"), "first\n");
    const listed = await Snapshot.list({ client, sourceSandboxId: sandbox.sandboxId });
    deepEqual(listed.map((one) => one.snapshotId), [snapshot.snapshotId]);
    equal((await Sandbox.getSnapshot(snapshot.snapshotId, { client })).sizeBytes, 6);
    await Snapshot.delete(snapshot.snapshotId, { client });
    await Sandbox.deleteSnapshot(snapshot.snapshotId, { client, missingOk: true });
    await rejects(Snapshot.get(snapshot.snapshotId, { client }), jetway.SnapshotNotFoundError);
    await rejects(sandbox.snapshot({ volume: "none" }), jetway.SandboxValidationError);
    await Promise.all([sandbox, restored].map((one) => one.delete()));
  },

  "stopping saves what it is told to": async ({ jetway, client }) => {
    const { Sandbox, Snapshot } = jetway;
    const volumes = [{ mountPath: "/a", name: "a" }, { mountPath: "/b", name: "b" }];
    const sandbox = await Sandbox.create({ client, volumes });
    await sh(sandbox, "echo kept > /a/file");
    await rejects(sandbox.stop({ snapshotOnStop: true, missingOk: true }), jetway.SnapshotOnStopConflictError);
    await sandbox.stop({ snapshotOnStop: true });
    equal(sandbox.snapshotIds.length, 2);
    equal(sandbox.fileSystemSnapshotId, sandbox.snapshotIds[0]);
    const restored = await Sandbox.create({ client, volumes: [{ mountPath: "/a", snapshotId: sandbox.snapshotIds[0] }] });
    equal(await sh(restored, "cat /a/file"), "kept\n");
    await restored.stop({ snapshotVolumes: ["workspace"] });
    equal(restored.snapshotIds.length, 1);
    const ended = await Sandbox.create({ client, volumes });
    await ended.stop();
    await rejects(ended.stop({ snapshotOnStop: true }), jetway.SnapshotOnStopConflictError);
    const ids = [...sandbox.snapshotIds, ...restored.snapshotIds];
    await Promise.all(ids.map((id) => Snapshot.delete(id, { client })));
  },

  "a fork begins where the other is, and goes its own way": async ({ jetway, client }) => {
    const { Sandbox, Snapshot } = jetway;
    const sandbox = await Sandbox.create({ client, env: { COLOUR: "green" }, volumes: [{ mountPath: "/work" }] });
    await sh(sandbox, "echo shared > /work/file");
    const fork = await sandbox.fork({ client });
    ok(fork.sandboxId !== sandbox.sandboxId);
    equal(await sh(fork, "cat /work/file; echo $COLOUR; echo own > /work/file"), "shared\ngreen\n");
    equal(await sh(sandbox, "cat /work/file"), "shared\n");
    deepEqual(await Snapshot.list({ client, sourceSandboxId: sandbox.sandboxId }), []);
    await Promise.all([sandbox, fork].map((one) => one.delete()));
  },

  "a registered volume outlives the sandboxes that share it": async ({ jetway, client }) => {
    const { Sandbox, Volume } = jetway;
    const claim = `suite-${Math.random().toString(36).slice(2)}`;
    const volume = await Volume.create(claim, { client, subPath: "part" });
    deepEqual([volume.status, volume.claim, volume.subPath], ["ready", claim, "part"]);
    const { volumeId } = volume;
    const mounted = (readOnly) => ({ client, volumes: [{ mountPath: "/shared", volumeId, readOnly }] });
    const writer = await Sandbox.create(mounted(false));
    deepEqual(writer.volumeIds, [volumeId]);
    await sh(writer, "echo here > /shared/file");
    await writer.stop();
    const reader = await Sandbox.create(mounted(true));
    equal(await sh(reader, "cat /shared/file; rm -f /shared/file 2>/dev/null || echo refused"), "here\nrefused\n");
    const users = await Sandbox.list({ client, volumeIds: [volumeId] });
    deepEqual(users.map((one) => one.sandboxId), [reader.sandboxId]);
    await rejects(Volume.delete(volumeId, { client }), jetway.VolumeInUseError);
    equal((await Volume.update(volumeId, { description: "data" }, { client })).description, "data");
    ok((await Volume.list({ client })).some((one) => one.volumeId === volumeId));
    equal((await Volume.validate(volumeId, { client })).status, "ready");
    await reader.stop();
    await Volume.delete(volumeId, { client });
    await Volume.delete(volumeId, { client, missingOk: true });
    await rejects(Volume.get(volumeId, { client }), jetway.VolumeNotFoundError);
  },

  "volumes that cannot be are refused by field": async ({ jetway, client }) => {
    const field = async (volumes) => {
      const error = await rejects(jetway.Sandbox.create({ client, volumes }), jetway.ValidationError);
      return error.fieldViolations[0].field;
    };
    equal(await field([{ mountPath: "relative" }]), "volumes[0].mountPath");
    equal(await field([{ mountPath: "/a", volumeId: "vol", size: "1Gi" }]), "volumes[0].volumeId");
    await rejects(jetway.Sandbox.create({ client, volumes: [{ mountPath: "/a", sise: "1Gi" }] }), TypeError);
  },
};
