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
  const source = `import { Sandbox, Client, configure, resolveAuth } from ${JSON.stringify(PACKAGE)};\n${code}`;
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

/** As whom a client would call: the strategy, the root and the headers' names. */
async function resolved(env, options = {}) {
  const code = `console.log(JSON.stringify(await resolveAuth(${JSON.stringify(options)}).catch((e) => ({ code: e.code }))));`;
  return JSON.parse(await node(code, env));
}

const netrc = (text) => writeFile(join(home, ".netrc"), text, { mode: 0o600 });

test("credentials are found in one order", async () => {
  const { url, token, pid } = server.ready;
  await announce({ url, token, pid });
  await netrc("machine api.wandb.ai\n  login user\n  password of-the-file\n");
  const everything = {
    CWSANDBOX_API_KEY: "new", AVIATO_API_KEY: "old", WANDB_API_KEY: "w", WANDB_ENTITY_NAME: "team", WANDB_PROJECT: "p",
  };
  const without = (...names) => Object.fromEntries(Object.entries(everything).filter(([name]) => !names.includes(name)));
  const given = await resolved(everything, { auth: "mine" });
  assert.deepEqual([given.strategy, given.headers.authorization], ["option", "Bearer mine"]);
  const key = await resolved(everything);
  assert.deepEqual([key.strategy, key.headers.authorization], ["api_key", "Bearer new"]);
  assert.equal((await resolved(without("CWSANDBOX_API_KEY"))).headers.authorization, "Bearer old");
  const wandb = await resolved(without("CWSANDBOX_API_KEY", "AVIATO_API_KEY"));
  assert.equal(wandb.strategy, "wandb");
  const both = { "x-api-key": "w", "x-wandb-api-key": "w", "x-entity-id": "team", "x-project-name": "p" };
  assert.deepEqual(wandb.headers, both);
  assert.match(wandb.baseUrl, /api\.cwsandbox\.com/);
  const file = await resolved({ WANDB_ENTITY: "team" });
  assert.equal(file.strategy, "netrc");
  assert.deepEqual([file.headers["x-wandb-api-key"], file.headers["x-project-name"]], ["of-the-file", "uncategorized"]);
  const local = await resolved({});
  assert.deepEqual([local.strategy, local.baseUrl, local.headers.authorization], ["local_server", url, `Bearer ${token}`]);
  const named = await resolved({ WANDB_ENTITY: "team", CWSANDBOX_BASE_URL: url });
  assert.equal(named.strategy, "local_server", "an account's key is not sent to this machine's own server");
  await withdraw();
  await rm(join(home, ".netrc"));
  assert.equal((await resolved({})).strategy, "none");
  assert.equal((await resolved({ WANDB_ENTITY: "team" })).strategy, "none");
  assert.equal((await resolved({ WANDB_API_KEY: "w" })).code, "wandb_auth_error");
});

test("a netrc is read as others read it", async () => {
  const password = async (text, env = {}) => {
    await netrc(text);
    return (await resolved({ WANDB_ENTITY: "team", ...env })).headers["x-wandb-api-key"];
  };
  assert.equal(await password("machine api.wandb.ai login user password one"), "one");
  assert.equal(await password("machine other password no\nmachine wandb.ai login u password two\n"), "two");
  assert.equal(await password("machine wandb.ai password two machine api.wandb.ai password one"), "one");
  assert.equal(await password('# machine api.wandb.ai password no\nmachine api.wandb.ai password "with \\"quotes\\""'), 'with "quotes"');
  assert.equal(await password("macdef init\nmachine api.wandb.ai password no\n\nmachine api.wandb.ai password yes\n"), "yes");
  assert.equal(await password("default login u password no"), undefined);
  assert.equal(await password("machine api.wandb.ai login password"), undefined);
  const elsewhere = join(home, "elsewhere");
  await writeFile(elsewhere, "machine api.wandb.ai password three");
  assert.equal(await password("machine api.wandb.ai password one", { NETRC: elsewhere }), "three");
  await rm(join(home, ".netrc"));
});
