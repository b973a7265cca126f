// However a Node program ends, the sandboxes that it made end with it, and those that it found or detached do not.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import * as jetway from "../../target/npm/jetway/src/node.js";
import { startServer } from "../browser/server.mjs";

const PACKAGE = fileURLToPath(new URL("../../target/npm/jetway/src/node.js", import.meta.url));
const SETTLE_MS = 60_000;
/** One of each sort that belongs to the program. */
const MAKE = `
const session = new Session({ tags: ["of-a-session"] });
const owned = [await Sandbox.create(), session.sandbox()];
await owned[1].start();
`;
const TELL = `console.log(JSON.stringify(owned.map((it) => it.sandboxId)));\n`;
const STAY = `setInterval(() => {}, 1000);\n`;

let server;
let client;
before(async () => {
  server = await startServer();
  const { url, token } = server.ready;
  client = new jetway.Client({ baseUrl: url, auth: token });
});
after(() => server?.stop());

/** Starts a program; resolves with its first line, which lists the ids of its sandboxes. */
async function program(code, env = {}) {
  const source = `import { Sandbox, Session, Client, configure } from ${JSON.stringify(PACKAGE)};\n${code}`;
  const { url, token } = server.ready;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    env: { PATH: process.env.PATH, CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stderr }));
  const { value } = await lines.next();
  assert.ok(value, `the program said nothing: ${stderr}`);
  return { child, ids: JSON.parse(value), ended, line: async () => (await lines.next()).value };
}

const running = async () => (await jetway.Sandbox.list({ client })).map((sandbox) => sandbox.sandboxId);

async function gone(ids) {
  const until = Date.now() + SETTLE_MS;
  for (;;) {
    const left = (await running()).filter((id) => ids.includes(id));
    if (left.length === 0) return;
    assert.ok(Date.now() < until, `${left.length} of ${ids.length} sandboxes were left behind`);
    await sleep(50);
  }
}

async function stillThere(ids) {
  const there = await running();
  for (const id of ids) assert.ok(there.includes(id), `${id} is gone`);
  await Promise.all(ids.map((id) => jetway.Sandbox.delete(id, { client })));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  test(`${signal} takes the sandboxes along, and ends the program as it would have`, async () => {
    const { child, ids, ended } = await program(MAKE + TELL + STAY);
    child.kill(signal);
    assert.equal((await ended).signal, signal);
    await gone(ids);
  });
}

test("an uncaught exception takes the sandboxes along, and is still told", async () => {
  const { ids, ended } = await program(`${MAKE}${TELL}setTimeout(() => { throw new Error("boom"); }, 1);${STAY}`);
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /boom/);
  await gone(ids);
});

test("a rejection that nobody handles takes the sandboxes along", async () => {
  const { ids, ended } = await program(`${MAKE}${TELL}setTimeout(() => { Promise.reject(new Error("boom")); }, 1);${STAY}`);
  assert.equal((await ended).code, 1);
  await gone(ids);
});

test("process.exit() takes the sandboxes along, and keeps its code", async () => {
  const { ids, ended } = await program(`${MAKE}${TELL}process.exit(7);`);
  assert.equal((await ended).code, 7);
  await gone(ids);
});

test("a program that runs out of work takes the sandboxes along", async () => {
  const { ids, ended } = await program(MAKE + TELL);
  assert.deepEqual(await ended, { code: 0, signal: null, stderr: "" });
  await gone(ids);
});

test("a sandbox that is still being created when the signal comes is not left behind", async () => {
  const before = await running();
  const { child, ended } = await program(`Sandbox.run(); setTimeout(() => console.log("[]"), 1);${STAY}`);
  child.kill("SIGTERM");
  await ended;
  const until = Date.now() + SETTLE_MS;
  while ((await running()).some((id) => !before.includes(id))) {
    assert.ok(Date.now() < until, "the sandbox was left behind");
    await sleep(50);
  }
});

test("what was found, detached or stopped is left alone", async () => {
  const other = await jetway.Sandbox.create({ client, detached: true });
  const { ids, ended } = await program(`
    const found = await Sandbox.fromId(${JSON.stringify(other.sandboxId)});
    const detached = await Sandbox.create({ detached: true });
    const stopped = await Sandbox.create();
    await stopped.stop();
    console.log(JSON.stringify([found.sandboxId, detached.sandboxId]));`);
  assert.equal((await ended).code, 0);
  await stillThere(ids);
});

test("a handler of the program's own decides what a signal means, while the sandboxes go", async () => {
  const { child, ids, ended, line } = await program(`
    process.on("SIGINT", () => { console.log("mine"); setTimeout(() => process.exit(5), 1); });
    ${MAKE}${TELL}${STAY}`);
  child.kill("SIGINT");
  assert.equal(await line(), "mine");
  assert.equal((await ended).code, 5);
  await gone(ids);
});

test("a second signal ends a program at once that is still cleaning up", async () => {
  const { child, ids, ended, line } = await program(`
    ${MAKE}
    for (const sandbox of owned) sandbox.delete = () => (console.log("cleaning"), new Promise(() => {}));
    ${TELL}${STAY}`);
  child.kill("SIGINT");
  assert.equal(await line(), "cleaning");
  child.kill("SIGINT");
  assert.equal((await ended).code, 130);
  await Promise.all(ids.map((id) => jetway.Sandbox.delete(id, { client })));
});

test("handlers that are turned off stay away from signals", async () => {
  const ways = [["configure({ signalHandlers: false });", {}], ["", { CWSANDBOX_DISABLE_SIGNAL_HANDLERS: "yes" }]];
  for (const [code, env] of ways) {
    const { child, ids, ended } = await program(`${code}${MAKE}${TELL}${STAY}`, env);
    child.kill("SIGTERM");
    assert.equal((await ended).signal, "SIGTERM");
    await stillThere(ids);
  }
  const { ended } = await program(`${MAKE} try { configure({ signalHandlers: false }); } catch (error) { console.log(JSON.stringify(error.code)); }`);
  assert.equal((await ended).code, 0);
});

test("nothing listens to anything before there is a sandbox", async () => {
  const { ended, ids } = await program(`
    new Client(); new Session();
    console.log(JSON.stringify(["SIGINT", "SIGTERM", "SIGHUP", "beforeExit"].map((name) => process.listenerCount(name))));`);
  assert.deepEqual(ids, [0, 0, 0, 0]);
  await ended;
});
