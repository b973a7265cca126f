// What is held for a reader that stops for ten seconds in front of `yes`, how soon Ctrl-C ends a flooded terminal, and
// what a gibibyte costs on its way in and out: resident memory of client and server, not throughput.
//
//   JETWAY_BIN=… node tests/bench/backpressure.mjs [http2|fetch|chromium-websocket|chromium-fetch|ctrl-c|gibibyte …]
import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { openPage, startBrowser } from "../browser/browser.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BINARY = process.env.JETWAY_BIN ?? join(ROOT, "target/release/jetway");
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const STOPPED_MS = 10_000;
const MIB = 1024 * 1024;
const wanted = process.argv.slice(2);
const chosen = (name) => wanted.length === 0 || wanted.includes(name);
const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

const server = await startServer();
try {
  for (const transport of ["http2", "fetch"]) if (chosen(transport)) await stoppedInNode(transport);
  if (chosen("chromium-websocket")) await stoppedInChromium("chromium websocket", { stdin: true });
  if (chosen("chromium-fetch")) await stoppedInChromium("chromium fetch", {});
  if (chosen("ctrl-c")) await ctrlC();
  if (chosen("gibibyte")) await gibibyte();
} finally {
  await server.stop();
}

async function stoppedInNode(transport) {
  const { sandbox, close } = await open(transport);
  const before = await memory();
  const command = sandbox.exec(["yes"]);
  const reader = command.stdout.getReader();
  await reader.read();
  const peak = await during(STOPPED_MS);
  command.cancel();
  await command.result().catch(() => {});
  report(`node ${transport}`, before, peak);
  await close();
}

async function stoppedInChromium(name, options) {
  await inPage(async (page, pids) => {
    const before = await memory(pids);
    await page.evaluate(async (options) => {
      window.command = window.sandbox.exec(["yes"], options);
      window.reader = window.command.stdout.getReader();
      await window.reader.read();
    }, options);
    const peak = await during(STOPPED_MS, pids);
    await page.evaluate(() => window.command.cancel());
    report(name, before, peak);
  });
}

/** From the key to the prompt, with `yes` flooding a terminal that draws 20 MB a second. */
async function ctrlC() {
  await inPage(async (page) => {
    const times = await page.evaluate(async () => {
      const times = [];
      for (let round = 0; round < 10; round++) {
        const session = window.sandbox.shell({ command: ["sh"] });
        let type;
        let shown = "";
        let seen = () => {};
        const decoder = new TextDecoder();
        session.attach({
          onData: (listener) => ((type = listener), { dispose() {} }),
          write(bytes, done) {
            shown = (shown + decoder.decode(bytes, { stream: true })).slice(-4096);
            seen();
            setTimeout(done, bytes.length / 20_000);
          },
        });
        const shows = (pattern) => new Promise((resolve) => ((seen = () => pattern.test(shown) && resolve()), seen()));
        type("PS1='ready''> '; yes\n");
        await shows(/(y\r\n){100}/);
        await new Promise((flooded) => setTimeout(flooded, 1000));
        shown = "";
        const start = performance.now();
        type("\x03");
        await shows(/ready> $/);
        times.push(performance.now() - start);
        await session.close();
      }
      return times.sort((a, b) => a - b);
    });
    console.log(`ctrl-c in chromium: median ${times[5].toFixed(0)} ms, worst ${times.at(-1).toFixed(0)} ms of ${times.length}`);
  });
}

async function gibibyte() {
  const { sandbox, close } = await open("http2");
  const piece = new Uint8Array(MIB).fill(7);
  const source = async function* () {
    for (let i = 0; i < 1024; i++) yield piece;
  };
  const before = await memory();
  let start = performance.now();
  let stop = watch();
  await sandbox.files.write("/tmp/gibibyte", source());
  report(`upload 1 GiB (${((performance.now() - start) / 1000).toFixed(1)} s)`, before, stop());
  start = performance.now();
  stop = watch();
  let length = 0;
  for await (const chunk of sandbox.files.readStream("/tmp/gibibyte")) length += chunk.length;
  report(`download ${mib(length)} (${((performance.now() - start) / 1000).toFixed(1)} s)`, before, stop());
  await close();
}

function report(name, before, peak) {
  const grew = Object.keys(before).map((who) => `${who} ${mib(before[who])} → ${mib(peak[who])} at most`);
  console.log(`${name}: ${grew.join(", ")}`);
}

async function open(transport) {
  const jetway = await import(join(ROOT, "target/npm/jetway/src/node.js"));
  const client = new jetway.Client({ baseUrl: server.url, auth: server.token, transport });
  const sandbox = await jetway.Sandbox.create({ client });
  await sandbox.exec(["true"]);
  return { sandbox, close: () => sandbox.delete() };
}

async function inPage(act) {
  const known = new Set(await pidsOf(/chrom/));
  const browser = await startBrowser();
  try {
    const { page } = await openPage(browser);
    await page.route(`${server.url}/__bench/**`, async (route) => {
      const path = new URL(route.request().url()).pathname.slice("/__bench/".length);
      return route.fulfill({ contentType: TYPES[extname(path)], body: await readFile(join(ROOT, "target/npm", path)) });
    });
    await page.goto(`${server.url}/healthz`);
    await page.evaluate(async (token) => {
      const jetway = await import("/__bench/jetway/src/index.js");
      window.sandbox = await jetway.Sandbox.create({ client: new jetway.Client({ auth: token }) });
      await window.sandbox.exec(["true"]);
    }, server.token);
    await act(page, (await pidsOf(/chrom/)).filter((pid) => !known.has(pid)));
    await page.evaluate(() => window.sandbox.delete());
  } finally {
    await browser.close();
  }
}

/** Resident memory: of this process or of Chromium's, and of the server. */
async function memory(pids) {
  const sum = async (list) => (await Promise.all(list.map(resident))).reduce((a, b) => a + b, 0);
  return pids ? { chromium: await sum(pids), server: await resident(server.pid) } : { client: await resident(process.pid), server: await resident(server.pid) };
}

async function resident(pid) {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) * 1024;
}

async function pidsOf(pattern) {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")));
  return pids.filter((_, at) => pattern.test(names[at]));
}

async function during(ms, pids) {
  const stop = watch(pids);
  await sleep(ms);
  return stop();
}

/** Looks every 100 ms until it is called; gives the most. */
function watch(pids) {
  const peak = {};
  const look = async () => {
    for (const [who, bytes] of Object.entries(await memory(pids))) peak[who] = Math.max(peak[who] ?? 0, bytes);
  };
  look();
  const timer = setInterval(look, 100);
  return () => (clearInterval(timer), peak);
}

async function startServer() {
  const folder = await mkdtemp(join(tmpdir(), "jetway-backpressure-"));
  const file = join(folder, "ready.json");
  const child = spawn(BINARY, ["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--data-dir", join(folder, "data"), "--ready-file", file], { stdio: "ignore" });
  for (let text = ""; ; await sleep(20)) {
    text = await readFile(file, "utf8").catch(() => "");
    if (text === "" && child.exitCode === null) continue;
    const { url, token } = JSON.parse(text);
    const stop = async () => {
      child.kill("SIGTERM");
      await new Promise((gone) => child.once("exit", gone));
      await rm(folder, { recursive: true, force: true });
    };
    return { url: new URL(url).origin, token, pid: child.pid, stop };
  }
}
