// A real `jetway serve` for one test file: the debug binary, a free port, a throw-away data directory. Can be killed
// and started again on the same port. Must not know the page.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const BINARY = process.env.JETWAY_BIN ?? fileURLToPath(new URL("../../target/debug/jetway", import.meta.url));
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 15_000;

/** A store of secrets that every server of the tests has, and its one value. */
const SECRETS = ["--secret-store", "tests=env:JETWAY_TESTS_"];
const VARIABLES = { JETWAY_TESTS_API: "value-of-a-test-secret" };

/** Starts a server, with more options if need be; `stop()` ends it and removes what it kept. A durable one can be killed. */
export async function startServer(options = [], { durable = false } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "jetway-browser-"));
  const server = new Server(folder, durable ? options : ["--ephemeral", ...options]);
  try {
    await server.start("127.0.0.1:0");
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class Server {
  #folder;
  #options;
  #child;
  #log = "";
  /** What the ready file says: url, token, launchUrl. */
  ready;

  constructor(folder, options) {
    this.#folder = folder;
    this.#options = options;
  }

  async start(listen) {
    const readyFile = join(this.#folder, "ready.json");
    await rm(readyFile, { force: true });
    const data = join(this.#folder, "data");
    const args = ["serve", "--listen", listen, "--data-dir", data, "--ready-file", readyFile, ...SECRETS, ...this.#options];
    this.#log = "";
    this.#child = spawn(BINARY, args, { env: { ...process.env, ...VARIABLES }, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.on("error", (error) => (this.#log += `${error}\n`));
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on("data", (text) => (this.#log += text));
    this.ready = await this.#waitForReady(readyFile);
  }

  /** Ends the server as a crash does, and starts another where it was. */
  async restart(whileDown) {
    const { host } = new URL(this.ready.url);
    await this.kill("SIGKILL");
    await whileDown();
    await this.start(host);
  }

  async kill(signal) {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const inTime = await Promise.race([gone.then(() => true), sleep(STOP_WITHIN_MS, false, { ref: false })]);
    if (inTime) return;
    child.kill("SIGKILL");
    await gone;
  }

  async stop() {
    await this.kill("SIGTERM");
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #waitForReady(file) {
    const until = Date.now() + READY_WITHIN_MS;
    while (Date.now() < until) {
      const text = await readFile(file, "utf8").catch(() => "");
      if (text !== "") return JSON.parse(text);
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) break;
      await sleep(20);
    }
    throw new Error(`${BINARY} serve did not become ready:\n${this.#log}`);
  }
}
