// Sandboxes that belong together.
import { deepEqual, equal, match, ok, rejects, throws } from "./assert.mjs";

const unique = () => `s${Math.random().toString(36).slice(2)}`;
const ENDED = ["terminated", "completed"];

export const session = {
  "its sandboxes start from its defaults, lazily, and end with it": async ({ jetway, client }) => {
    const tag = unique();
    const session = new jetway.Session({ tags: [tag], env: { COLOUR: "green", SHAPE: "round" }, cwd: "/tmp" }, { client });
    const first = session.sandbox();
    const second = session.sandbox({ tags: ["second"], env: { COLOUR: "blue" } });
    equal(session.sandboxCount, 2);
    deepEqual(await jetway.Sandbox.list({ client, tags: [tag] }), []);
    equal((await first.exec(["sh", "-c", "echo $COLOUR $SHAPE; pwd"])).stdout, "green round\n/tmp\n");
    equal((await second.exec(["sh", "-c", "echo $COLOUR $SHAPE"])).stdout, "blue round\n");
    deepEqual(second.tags, [tag, "second"]);
    const third = session.sandbox(["sh", "-c", "sleep 60"], { tags: [], env: null });
    await third.wait();
    deepEqual(third.tags, []);
    equal((await third.exec(["sh", "-c", "echo [$COLOUR]"])).stdout, "[]\n");
    equal(session.sandboxCount, 3);
    await session.close();
    for (const sandbox of [first, second, third]) ok(ENDED.includes(sandbox.status), sandbox.status);
    equal(session.sandboxCount, 0);
    await session.close();
    throws(() => session.sandbox(), jetway.SandboxError);
    throws(() => session.adopt(first), jetway.SandboxError);
  },

  "a sandbox that was never started is not created by the end of its session": async ({ jetway, client }) => {
    const tag = unique();
    const session = new jetway.Session({ tags: [tag] }, { client });
    const never = session.sandbox();
    await session.close();
    await rejects(never.exec(["true"]), jetway.SandboxNotRunningError);
    deepEqual(await jetway.Sandbox.list({ client, tags: [tag], showTerminated: true }), []);
  },

  "it finds sandboxes by its tags and by id, and adopts them": async ({ jetway, client }) => {
    const tag = unique();
    const made = await Promise.all([1, 2].map(() => jetway.Sandbox.create({ client, tags: [tag] })));
    const other = await jetway.Sandbox.create({ client });
    const session = new jetway.Session({ tags: [tag] }, { client });
    equal((await session.list()).length, 2);
    equal(session.sandboxCount, 0);
    equal((await session.list({ adopt: true })).length, 2);
    const found = await session.fromId(other.sandboxId);
    equal(session.adopt(found), found);
    const left = await session.fromId(other.sandboxId, { adopt: false });
    await session.close();
    for (const sandbox of [...made, left]) ok(ENDED.includes(await sandbox.getStatus()), sandbox.status);
  },

  "it counts what its sandboxes did": async ({ jetway, client }) => {
    const session = new jetway.Session({}, { client });
    equal(session.metrics().executions, 0);
    const sandbox = session.sandbox();
    await sandbox.wait();
    await sandbox.exec(["true"]);
    await sandbox.exec(["sh", "-c", "exit 3"]);
    await rejects(sandbox.exec(["sh", "-c", "exit 4"], { check: true }), jetway.SandboxExecutionError);
    await rejects(sandbox.exec(["sleep", "60"], { timeoutMs: 100 }), jetway.SandboxCommandTimeoutError);
    const { sandboxesCreated, executions, execCompletedOk, execCompletedNonzero, execFailures } = session.metrics();
    deepEqual([sandboxesCreated, executions, execCompletedOk, execCompletedNonzero, execFailures], [1, 4, 1, 2, 1]);
    const { startupCount, averageStartupMs, minStartupMs } = session.metrics();
    equal(startupCount, 1);
    ok(averageStartupMs > 0 && minStartupMs === averageStartupMs, `${averageStartupMs} ${minStartupMs}`);
    await session[Symbol.asyncDispose]();
  },

  "what could not be stopped is told, all of it": async ({ jetway, url, token, client }) => {
    let lost = false;
    const auth = () => ({ headers: { authorization: `Bearer ${lost ? "lost" : token}` }, expiresInMs: 0 });
    const session = new jetway.Session({}, { client: new jetway.Client({ baseUrl: url, auth }) });
    const sandboxes = [session.sandbox(), session.sandbox()];
    await Promise.all(sandboxes.map((sandbox) => sandbox.start()));
    lost = true;
    const error = await rejects(session.close(), jetway.SandboxError);
    match(error.message, /2 of 2 sandboxes/);
    ok(error.cause instanceof AggregateError, "the cause has no failures");
    equal(error.cause.errors.length, 2);
    ok(error.cause.errors[0] instanceof jetway.AuthenticationError, String(error.cause.errors[0]));
    await Promise.all(sandboxes.map((sandbox) => jetway.Sandbox.delete(sandbox.sandboxId, { client })));
  },

  "defaults are frozen, merge and are overridden": async ({ jetway }) => {
    const defaults = new jetway.SandboxDefaults({ containerImage: "node:22", tags: ["a"], environmentVariables: { A: "1" }, annotations: { x: "y" } });
    equal(defaults.image, "node:22");
    equal(defaults.containerImage, "node:22");
    equal(defaults.tempDir, "/tmp");
    throws(() => defaults.tags.push("b"), TypeError);
    throws(() => Object.assign(defaults, { image: "x" }), TypeError);
    deepEqual(defaults.mergeTags(["b", "a"]), ["a", "b"]);
    deepEqual(defaults.mergeEnvironmentVariables({ B: "2" }), { A: "1", B: "2" });
    deepEqual(defaults.mergeAnnotations({ x: "z" }), { x: "z" });
    const other = defaults.withOverrides({ image: "python:3.11", tags: [] });
    deepEqual([other.image, other.tags, other.env], ["python:3.11", [], { A: "1" }]);
    equal(jetway.SandboxDefaults.from(defaults), defaults);
    match(throws(() => new jetway.SandboxDefaults({ imgae: "x" }), TypeError).message, /did you mean "image"/);
    throws(() => new jetway.SandboxDefaults({ tags: "x" }), TypeError);
    throws(() => new jetway.SandboxDefaults({ mountedFiles: {} }), TypeError);
    throws(() => defaults.mergeTags("x"), TypeError);
  },

  "Sandbox.session makes one": async ({ jetway, client }) => {
    const session = jetway.Sandbox.session({ image: "host" }, { client });
    ok(session instanceof jetway.Session);
    equal(session.defaults.image, "host");
    equal(session.client, client);
    await session.close();
  },
};
