// A sandbox from its creation to its end.
import { deepEqual, equal, match, ok, rejects } from "./assert.mjs";

const unique = () => `t${Math.random().toString(36).slice(2)}`;

export const lifecycle = {
  "run gives the sandbox at once, and awaiting it gives the sandbox": async ({ jetway, client }) => {
    const sandbox = jetway.Sandbox.run({ client });
    equal(sandbox.then, undefined);
    equal(await sandbox, sandbox);
    equal((await sandbox.exec(["echo", "first"])).stdout, "first\n");
    equal(await sandbox.wait(), sandbox);
    equal(sandbox.status, "running");
    match(sandbox.sandboxId, /^[\w-]{8,}$/);
    ok(sandbox.createdAt instanceof Date && Math.abs(sandbox.createdAt - Date.now()) < 600_000);
    ok(sandbox.startedAt instanceof Date);
    equal(await sandbox.getStatus(), "running");
    equal(sandbox.toJSON().sandboxId, sandbox.sandboxId);
    await sandbox.stop({ gracefulShutdownSeconds: 0 });
    ok(["terminated", "completed"].includes(sandbox.status), sandbox.status);
  },

  "its options reach it": async ({ jetway, client }) => {
    const tag = unique();
    const sandbox = await jetway.Sandbox.create({
      client,
      env: { COLOUR: "green" },
      cwd: "/tmp",
      tags: [tag],
      mountedFiles: { "/tmp/mounted/a.txt": "text", "/tmp/mounted/b": new Uint8Array([1, 2, 255]) },
      maxLifetimeSeconds: 120,
      annotations: { purpose: "test" },
    });
    equal((await sandbox.exec(["sh", "-c", "echo $COLOUR; pwd; cat /tmp/mounted/a.txt"])).stdout, "green\n/tmp\ntext");
    deepEqual(await sandbox.readFile("/tmp/mounted/b"), new Uint8Array([1, 2, 255]));
    deepEqual(sandbox.tags, [tag]);
    await sandbox.stop({ gracefulShutdownSeconds: 0 });
  },

  "it is found by tag and by id, all at once and page by page": async ({ jetway, client }) => {
    const tag = unique();
    const made = await Promise.all([1, 2, 3].map(() => jetway.Sandbox.create({ client, tags: [tag] })));
    const ids = made.map((sandbox) => sandbox.sandboxId).sort();
    const list = await jetway.Sandbox.list({ client, tags: [tag] });
    deepEqual(list.map((sandbox) => sandbox.sandboxId).sort(), ids);
    const iterated = [];
    for await (const sandbox of jetway.Sandbox.list({ client, tags: [tag], pageSize: 2 })) iterated.push(sandbox.sandboxId);
    deepEqual(iterated.sort(), ids);
    const pages = [];
    for await (const page of jetway.Sandbox.list({ client, tags: [tag], pageSize: 2 }).byPage()) pages.push(page.length);
    deepEqual(pages, [2, 1]);
    const found = await jetway.Sandbox.fromId(ids[0], { client });
    equal((await found.exec(["echo", "found"])).stdout, "found\n");
    await Promise.all(made.map((sandbox) => sandbox.delete()));
    await rejects(jetway.Sandbox.list({ client, status: "nonsense" }), jetway.ValidationError);
  },

  "its states are told as they pass until the last": async ({ jetway, client }) => {
    const sandbox = jetway.Sandbox.run({ client });
    const seen = [];
    for await (const status of sandbox.statusChanges()) {
      seen.push(status);
      if (status === "running") sandbox.stop().catch(() => {});
    }
    ok(seen.includes("running"), `${seen}`);
    ok(["terminated", "completed"].includes(seen.at(-1)), `${seen}`);
    ok(seen.every((status, at) => status !== seen[at - 1]), `${seen}`);
    ok(Math.abs(sandbox.statusUpdatedAt - Date.now()) < 600_000, `${sandbox.statusUpdatedAt}`);
  },

  "its end is waited for, and being stopped is an error unless it is expected": async ({ jetway, client }) => {
    const sandbox = jetway.Sandbox.run("sh", "-c", "exit 7", { client });
    equal(await sandbox.waitUntilComplete({ timeoutMs: 30_000 }), sandbox);
    equal(sandbox.exitCode, 7);
    const stopped = await jetway.Sandbox.create({ client });
    const late = await rejects(stopped.waitUntilComplete({ timeoutMs: 50 }), jetway.SandboxWaitTimeoutError);
    equal(late.sandboxId, stopped.sandboxId);
    const waiting = rejects(stopped.waitUntilComplete(), jetway.SandboxTerminatedError);
    const relaxed = stopped.waitUntilComplete({ raiseOnTermination: false });
    await jetway.Sandbox.delete(stopped.sandboxId, { client });
    await Promise.all([relaxed, waiting]);
  },

  "a sandbox ends with its main command": async ({ jetway, client }) => {
    const sandbox = jetway.Sandbox.run("sh", "-c", "exit 3", { client });
    await sandbox.start();
    for (let i = 0; i < 100 && sandbox.status !== "completed"; i++) {
      await new Promise((done) => setTimeout(done, 50));
      await sandbox.getStatus();
    }
    equal(sandbox.status, "completed");
    equal(sandbox.exitCode, 3);
    await sandbox.delete();
  },

  "stopping twice is one stop, and a missing sandbox is fine where that is said": async ({ jetway, client }) => {
    const sandbox = await jetway.Sandbox.create({ client });
    await Promise.all([sandbox.stop({ gracefulShutdownSeconds: 0 }), sandbox.stop()]);
    await jetway.Sandbox.delete("no-such-sandbox", { client, missingOk: true });
    const error = await rejects(jetway.Sandbox.delete("no-such-sandbox", { client }), jetway.SandboxNotFoundError);
    equal(error.code, "not_found");
    ok(error instanceof jetway.SandboxError && error instanceof jetway.JetwayError && error instanceof Error);
  },

  "an unknown id is not found, and says what to check": async ({ jetway, client }) => {
    const error = await rejects(jetway.Sandbox.fromId("no-such-sandbox", { client }), jetway.SandboxNotFoundError);
    equal(error.reason, "CWSANDBOX_SANDBOX_NOT_FOUND");
    equal(error.operation, "GetSandbox");
    match(error.hint, /id/);
    await rejects(jetway.Sandbox.fromId("", { client }), jetway.ValidationError);
  },

  "exec after stop is refused": async ({ jetway, client }) => {
    const sandbox = await jetway.Sandbox.create({ client });
    await sandbox.stop({ gracefulShutdownSeconds: 0 });
    const error = await rejects(sandbox.exec(["true"]), jetway.SandboxError);
    ok(["sandbox_not_running", "sandbox_terminated", "not_found"].includes(error.code), error.code);
    await rejects(sandbox.readFile("/etc/hostname"), jetway.SandboxError);
  },

  "leaving its scope stops it, whatever happened there": async ({ jetway, client }) => {
    const sandbox = await jetway.Sandbox.create({ client });
    await sandbox[Symbol.asyncDispose]();
    ok(["terminated", "completed"].includes(sandbox.status), sandbox.status);
    let used;
    const boom = new Error("boom");
    const act = async (it) => {
      used = await it.wait();
      throw boom;
    };
    equal(await rejects(jetway.Sandbox.use({ client }, act)), boom);
    ok(["terminated", "completed"].includes(used.status), used.status);
    equal(await jetway.Sandbox.use({ client }, (it) => it.exec(["echo", "used"]).text()), "used\n");
  },
};
