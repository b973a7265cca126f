// A page that reaches the server through somebody else's gateway: a real Envoy with its grpc_web and cors filters, which
// knows no grpc-websockets. Everything works but input to a running process, and that says what it lacks.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import { envoyBinary, startEnvoy } from "./envoy.mjs";
import { startServer } from "./server.mjs";
import { serveSite } from "./site.mjs";

const binary = envoyBinary();
const skip = binary ? false : "Envoy is not installed (cargo xtask setup)";

let site;
let server;
let envoy;
let browser;
let page;

before(async () => {
  if (skip) return;
  [site, browser] = await Promise.all([serveSite(), startBrowser()]);
  server = await startServer(["--allow-origin", site.origin]);
  envoy = await startEnvoy(binary, server.ready.url, site.origin);
  ({ page } = await openPage(browser));
  await page.goto(site.origin);
  await page.waitForFunction(() => globalThis.jetway !== undefined);
  await page.evaluate(
    async ({ url, token }) => {
      globalThis.client = new globalThis.jetway.Client({ baseUrl: url, auth: token });
      const main = ["sh", "-c", "echo started; sleep 1000 & wait"];
      globalThis.sandbox = globalThis.jetway.Sandbox.run(main, { client: globalThis.client, tags: ["envoy"] });
      await globalThis.sandbox.wait();
    },
    { url: envoy.url, token: server.ready.token },
  );
});

after(async () => {
  await browser?.close();
  await envoy?.stop();
  await Promise.all([server?.stop(), site?.stop()]);
});

const LIMIT = { timeout: 60_000, skip };

test("control calls work, and a refusal keeps its details", LIMIT, async () => {
  const told = await page.evaluate(async () => {
    const { Sandbox } = globalThis.jetway;
    const { client, sandbox } = globalThis;
    const listed = (await Sandbox.list({ client, tags: ["envoy"] })).map(({ sandboxId }) => sandboxId === sandbox.sandboxId);
    const missing = await Sandbox.fromId("none", { client }).catch((error) => error);
    return { listed, status: await sandbox.getStatus(), code: missing.code, reason: missing.reason };
  });
  assert.deepEqual(told, { listed: [true], status: "running", code: "not_found", reason: "CWSANDBOX_SANDBOX_NOT_FOUND" });
});

test("output comes as it is printed, of any size, and exit codes are told", LIMIT, async () => {
  const told = await page.evaluate(async () => {
    const { sandbox } = globalThis;
    // Each line waits for the page to have seen the one before.
    const slow = sandbox.exec(["sh", "-c", "for i in 1 2 3; do echo $i; until rm /tmp/go 2>/dev/null; do sleep 0.02; done; done; exit 7"]);
    const lines = [];
    for await (const line of slow) {
      lines.push(line);
      await sandbox.exec(["touch", "/tmp/go"]);
    }
    const { exitCode } = await slow;
    const large = await sandbox.exec(["head", "-c", "5000000", "/dev/zero"]);
    return { lines, exitCode, size: large.stdoutBytes.length, transport: slow.transport };
  });
  assert.deepEqual(told, { lines: ["1", "2", "3"], exitCode: 7, size: 5_000_000, transport: "fetch" });
});

test("logs and files work", LIMIT, async () => {
  const told = await page.evaluate(async () => {
    const { sandbox } = globalThis;
    let first;
    for await (const line of sandbox.logs({ follow: true })) {
      first = line;
      break;
    }
    const bytes = new Uint8Array(3_000_000).fill(7);
    await sandbox.writeFile("/tmp/dir/large", bytes);
    const back = await sandbox.readFile("/tmp/dir/large");
    return { first, same: back.length === bytes.length && back.every((byte) => byte === 7), names: (await sandbox.listFiles("/tmp/dir")).map(({ name }) => name) };
  });
  assert.deepEqual(told, { first: "started", same: true, names: ["large"] });
});

test("a call that is given up is cancelled in the sandbox", LIMIT, async () => {
  const gone = await page.evaluate(async () => {
    const { sandbox } = globalThis;
    const process = sandbox.exec(["sh", "-c", "echo up; exec sleep 987654"]);
    for await (const line of process) {
      if (line === "up") break;
    }
    process.cancel();
    for (const until = Date.now() + 30_000; Date.now() < until; ) {
      const { exitCode } = await sandbox.exec(["sh", "-c", "! grep -qs 98765[4] /proc/[0-9]*/cmdline"]);
      if (exitCode === 0) return true;
    }
    return false;
  });
  assert.equal(gone, true);
});

test("input to a running process says which way it lost, and what to do", LIMIT, async () => {
  const told = await page.evaluate(async () => {
    const process = globalThis.sandbox.exec(["cat"], { stdin: true });
    const error = await process.catch((error) => error);
    return { code: error.code, message: error.message, hint: error.hint };
  });
  assert.equal(told.code, "not_supported");
  assert.match(told.message, /input.*websocket/i);
  assert.match(told.hint, /jetway proxy/);
});

test("input that is known up front goes ahead all the same", LIMIT, async () => {
  const text = await page.evaluate(async () => (await globalThis.sandbox.exec(["cat"], { input: "known" })).stdout);
  assert.equal(text, "known");
});
