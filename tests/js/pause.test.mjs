// What a paused session is after its server was killed: frozen processes that nobody drove for a while, and go on.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, Sandbox } from "../../target/npm/jetway/src/node.js";
import { startServer } from "../browser/server.mjs";

test("x = 42 survives a kill -9 of the server between pause and resume", { timeout: 120_000 }, async () => {
  const server = await startServer([], { durable: true });
  try {
    const client = () => new Client({ baseUrl: server.ready.url, auth: server.ready.token });
    const sandbox = await Sandbox.create({ client: client() });
    await sandbox.runCode("x = 42");
    await sandbox.runCode("cd /usr; y=43", { language: "bash" });
    const sessionId = await sandbox.pause();
    await server.restart(() => {});
    const resumed = await Sandbox.resume(sessionId, { client: client() });
    assert.equal(resumed.resumed, "thawed");
    assert.equal(resumed.sandboxId, sandbox.sandboxId);
    assert.equal((await resumed.runCode("x")).text, "42");
    assert.equal((await resumed.runCode("pwd; echo $y", { language: "bash" })).stdout, "/usr\n43\n");
    await resumed.destroy();
  } finally {
    await server.stop();
  }
});
