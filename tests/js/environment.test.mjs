// What the default client finds around it, and in which order. Each case is a process of its own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startServer } from "../browser/server.mjs";

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL("../../target/npm/jetway/src/node.js", import.meta.url));
const HELLO = "const s = await Sandbox.create(); console.log((await s.exec(['echo', 'hi'])).stdout.trim()); await s.delete();";
const TELL = "await Sandbox.fromId('x', { timeoutMs: 3000 }).catch((e) => console.log(e.code, e.message));";

let server;
let home;
before(async () => {
  server = await startServer();
  home = await mkdtemp(join(tmpdir(), "jetway-home-"));
});
after(async () => {
  await server?.stop();
  await rm(home, { recursive: true, force: true });
});

/** Runs code with nothing in its environment but `env`. */
async function node(code, env = {}) {
  const source = `import { Sandbox, Client, configure } from ${JSON.stringify(PACKAGE)};\n${code}`;
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", source], {
    env: { PATH: process.env.PATH, HOME: home, ...env },
    timeout: 30_000,
  });
  assert.equal(stderr, "");
  return stdout.trim();
}

/** Announces a local server as `jetway serve` does. */
async function announce(announcement) {
  await mkdir(join(home, ".local/share/jetway"), { recursive: true });
  await writeFile(join(home, ".local/share/jetway/serve.json"), JSON.stringify(announcement));
}

const withdraw = () => rm(join(home, ".local"), { recursive: true, force: true });

test("the variables of both eras name server and key", async () => {
  const { url, token } = server.ready;
  assert.equal(await node(HELLO, { CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token }), "hi");
  assert.equal(await node(HELLO, { AVIATO_BASE_URL: url, AVIATO_API_KEY: token }), "hi");
  const older = { AVIATO_BASE_URL: "http://127.0.0.1:9", AVIATO_API_KEY: "older" };
  assert.equal(await node(HELLO, { CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token, ...older }), "hi");
});

test("explicit options win over variables, and configure sets them for all", async () => {
  const { url, token } = server.ready;
  const wrong = { CWSANDBOX_BASE_URL: "http://127.0.0.1:9", CWSANDBOX_API_KEY: "wrong" };
  assert.equal(await node(`configure(${JSON.stringify({ baseUrl: url, auth: token })}); ${HELLO}`, wrong), "hi");
});

test("a local server that announced itself is found without any setting", async () => {
  const { url, token, pid } = server.ready;
  await announce({ url, token, pid });
  assert.equal(await node(HELLO), "hi");
  assert.equal(await node(HELLO, { CWSANDBOX_BASE_URL: url }), "hi", "its token is used for its own address");
  await withdraw();
});

test("a server that is gone, or a broken announcement, is no server", async () => {
  // Nothing can run under the largest process id.
  await announce({ url: "http://127.0.0.1:9", token: "stale", pid: 4_194_304 });
  const toNowhere = { https_proxy: "http://127.0.0.1:9" };
  assert.match(await node(TELL, toNowhere), /api\.cwsandbox\.com|not finish/);
  await writeFile(join(home, ".local/share/jetway/serve.json"), "{ broken");
  assert.match(await node(TELL, toNowhere), /api\.cwsandbox\.com|not finish/);
  await withdraw();
});

test("an account's key is not sent to a local server that happens to run", async () => {
  const { url, token, pid } = server.ready;
  await announce({ url, token, pid });
  assert.match(await node(TELL, { CWSANDBOX_API_KEY: "account-key" }), /api\.cwsandbox\.com|not finish/);
  await withdraw();
});
