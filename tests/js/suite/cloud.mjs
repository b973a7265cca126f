// Sessions, the pool and tokens, by Cloud Sandbox's words: in Node and in a page. `cloud` is the subpath's module.
import { deepEqual, equal, match, ok, rejects } from "./assert.mjs";

export const cloud = {
  "the samples of Cloud Sandbox's readme print what it says": async ({ jetway, client }) => {
    const sandbox = await jetway.Sandbox.create({ client, userId: "my-user-id" });
    const hello = await sandbox.runCode('import sys\nprint(f"Python {sys.version_info.major}")\nprint("Hello from sandbox!")');
    equal(hello.stdout, "Python 3\nHello from sandbox!\n");
    equal((await sandbox.runCommand("ls -a /workspace | head -1")).stdout, ".\n");
    await sandbox.writeFile("/workspace/test.py", "print('Hello!')");
    deepEqual((await sandbox.listFiles("/workspace")).map(({ name, size, type }) => [name, size, type]), [["test.py", 15, "file"]]);
    await sandbox.deleteFile("/workspace/test.py");
    deepEqual(await sandbox.listFiles(), []);

    await sandbox.runCode("x = 42");
    const sessionId = await sandbox.pause();
    const resumed = await jetway.Sandbox.resume(sessionId, { client, userId: "my-user-id" });
    deepEqual([(await resumed.runCode("print(x)")).stdout, resumed.resumed, resumed.sessionId], ["42\n", "thawed", sessionId]);
    await resumed.destroy();
  },

  "the low-level client goes through a session and the pool": async ({ client, cloud }) => {
    const low = new cloud.SandboxClient({ client });
    const token = await low.getToken({ userId: "my-user", role: "user" });
    deepEqual([token.tokenType, token.expiresIn > 3600], ["Bearer", true]);
    low.setToken(token.accessToken);
    const session = await low.createSession({ metadata: { for: "a test" }, ttlHours: 24 });
    deepEqual([session.status, session.userId, session.metadata.for], ["active", "my-user", "a test"]);
    ok(session.expiresAt > session.createdAt && Object.isFrozen(session));
    const { sandboxId } = await low.acquireSandbox();
    equal((await low.getSession(session.id)).sandboxId, sandboxId);
    const said = await low.execute({ sandboxId, code: "print('Hello!')", language: "python", timeout: 30 });
    deepEqual([said.exitCode, said.stdout, said.success], [0, "Hello!\n", true]);
    const failed = await low.execute({ sandboxId, code: "import sys; sys.exit(3)" });
    deepEqual([failed.exitCode, failed.stderr, failed.success], [3, "", false]);
    const raised = await low.execute({ sandboxId, code: "1 / 0" });
    equal(raised.exitCode, 1);
    match(raised.stderr, /ZeroDivisionError/);
    equal((await low.execute({ sandboxId, command: ["sh", "-c", "echo $A; pwd"], workDir: "/usr", env: { A: "b" } })).stdout, "b\n/usr\n");
    const late = await low.execute({ sandboxId, command: ["sleep", "1000"], timeoutMs: 300 });
    deepEqual([late.timedOut, late.exitCode, late.success], [true, 124, false]);
    equal((await low.execute({ sandboxId, code: "echo from bash; exit 4", language: "bash" })).exitCode, 4);
    await low.writeFile(sandboxId, "/workspace/a/b.txt", "content");
    equal(await low.readFile(sandboxId, "/workspace/a/b.txt", { encoding: "utf8" }), "content");
    deepEqual((await low.listFiles(sandboxId)).map(({ path, isDir }) => [path, isDir]), [["/workspace/a", true]]);
    ok((await low.getSandboxStats()).inUse >= 1);
    await low.releaseSandbox(sandboxId);
    ok((await low.listSessions()).some(({ id }) => id === session.id));
    equal(await low.deleteSession(session.id), true);
  },

  "its errors are the core's too": async ({ jetway, client, cloud }) => {
    const low = new cloud.SandboxClient({ client });
    const missing = await low.getSession("no-such-session").catch((error) => error);
    ok(missing instanceof cloud.NotFoundError && missing instanceof cloud.SandboxError && missing instanceof jetway.SandboxNotFoundError);
    deepEqual([missing.statusCode, missing.code, missing.reason], [404, "not_found", "CWSANDBOX_SESSION_NOT_FOUND"]);
    const forged = new cloud.SandboxClient({ client });
    forged.setToken("forged");
    const denied = await forged.listSessions().catch((error) => error);
    ok(denied instanceof cloud.AuthError && denied instanceof jetway.AuthenticationError && !(denied instanceof cloud.NotFoundError));
    const { accessToken } = await low.getToken({ userId: "eve", role: "user" });
    const eve = new cloud.SandboxClient({ client });
    eve.setToken(accessToken);
    await rejects(eve.getToken({ userId: "eve", role: "admin" }), cloud.AuthError);
    const session = await low.createSession();
    await rejects(low.resumeSession(session.id), cloud.SandboxError);
    await rejects(eve.pauseSession(session.id), cloud.NotFoundError);
    await low.deleteSession(session.id);
    await rejects(low.createSession({ images: "x" }), TypeError);
    await rejects(low.execute({ sandboxId: "x" }), TypeError);
  },

  "any sandbox pauses, and goes on where it was": async ({ jetway, client }) => {
    const sandbox = await jetway.Sandbox.create({ client });
    await sandbox.runCode("x = 42");
    await sandbox.runCode("cd /tmp; y=7", { language: "bash" });
    const sessionId = await sandbox.pause();
    deepEqual([await sandbox.getStatus(), sandbox.sessionId], ["paused", sessionId]);
    await rejects(sandbox.exec(["true"]), { code: "sandbox_not_running" });
    equal(await sandbox.resume(), sandbox);
    deepEqual([sandbox.resumed, (await sandbox.runCode("x")).text], ["thawed", "42"]);
    equal((await sandbox.runCode("pwd; echo $y", { language: "bash" })).stdout, "/tmp\n7\n");
    await sandbox.destroy();
  },
};
