// A Node program with the package in it ends when its work is done, whatever is left lying about.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startServer } from "../browser/server.mjs";

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL("../../target/npm/jetway/src/node.js", import.meta.url));

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

async function node(code) {
  const source = `import { Sandbox, Client } from ${JSON.stringify(PACKAGE)};\n${code}`;
  const { url, token } = server.ready;
  const started = performance.now();
  const env = { ...process.env, CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token };
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", source], { env, timeout: 20_000 });
  return { stdout, stderr, ms: performance.now() - started };
}

test("importing does nothing", async () => {
  const code = `console.log(process.getActiveResourcesInfo().filter((it) => /Timeout|TCP|TLS|DNS|Socket/.test(it)).join())`;
  assert.deepEqual((await node(code)).stdout, "\n");
});

test("an idle connection keeps nobody waiting", async () => {
  const { stdout, ms } = await node("const s = await Sandbox.create(); await s.exec(['true']); await s.delete(); console.log('done');");
  assert.equal(stdout, "done\n");
  assert.ok(ms < 5_000, `it took ${ms} ms to end`);
});

test("failures that nobody awaits end nothing", async () => {
  const { stdout, stderr } = await node(`
    Sandbox.run({ client: new Client({ baseUrl: "http://127.0.0.1:9", auth: "x" }) });
    const s = await Sandbox.create();
    s.exec([]); s.exec(["no-such-program"], { check: true }); s.exec(["sleep", "9"], { timeoutMs: 50 }).stdout;
    await new Promise((done) => setTimeout(done, 400));
    await s.delete();
    console.log("alive");`);
  assert.equal(stderr, "");
  assert.equal(stdout, "alive\n");
});

test("a limit that was not needed leaves no timer, and no more does one that was", async () => {
  const { stdout } = await node(`
    const timers = () => process.getActiveResourcesInfo().filter((it) => it === "Timeout").length;
    const s = await Sandbox.create();
    await s.getStatus();
    const before = timers();
    const limited = { timeoutMs: 600_000 };
    await Promise.all([s.getStatus(limited), s.wait(limited), s.exec(["true"], limited), s.exec(["true"]).wait(limited), s.readFile("/etc/hostname", limited)]);
    await s.waitUntilComplete({ timeoutMs: 20 }).catch((error) => console.log(error.code));
    await s.stop(limited);
    console.log(timers() - before);`);
  assert.equal(stdout, "wait_timeout\n0\n");
});
