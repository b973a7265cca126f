// A real `jetway proxy` before a server, with what it keeps in a throw-away directory. Must not know who calls.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const BINARY = process.env.JETWAY_BIN ?? fileURLToPath(new URL("../../target/debug/jetway", import.meta.url));
const READY_WITHIN_MS = 30_000;

/** Starts one before `upstream`; with an account's `key` it makes tokens, without one credentials pass through. */
export async function startProxy(upstream, { key, options = [], binary = BINARY } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "jetway-proxy-"));
  const readyFile = join(folder, "ready.json");
  const args = ["proxy", "--upstream", upstream, "--listen", "127.0.0.1:0", "--data-dir", join(folder, "data"), "--ready-file", readyFile];
  const account = key === undefined ? [] : ["--mint-tokens"];
  const env = { ...process.env, ...(key === undefined ? {} : { JETWAY_UPSTREAM_KEY: key }) };
  const child = spawn(binary, [...args, ...account, ...options], { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.on("error", (error) => (log += error));
  child.stderr.on("data", (text) => (log += text));
  const over = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  const stop = async () => {
    if (!over()) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      if (await Promise.race([gone.then(() => false), sleep(15_000, true, { ref: false })])) child.kill("SIGKILL");
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  for (const until = Date.now() + READY_WITHIN_MS; ; await sleep(20)) {
    const text = await readFile(readyFile, "utf8").catch(() => "");
    if (text !== "") return running(JSON.parse(text), child.pid, () => log, stop);
    if (over() || Date.now() > until) {
      await stop();
      throw new Error(`${binary} proxy did not become ready:\n${log}`);
    }
  }
}

function running({ url, operatorSecretFile, authority }, pid, log, stop) {
  const asOperator = async () => ({ authorization: `Bearer ${(await readFile(operatorSecretFile, "utf8")).trim()}` });
  return {
    url,
    operatorSecretFile,
    authority,
    pid,
    log,
    stop,
    /** What an operator's own route does: a token for one caller. */
    async mint(wanted) {
      const answer = await fetch(`${url}/tokens`, { method: "POST", headers: await asOperator(), body: JSON.stringify(wanted) });
      if (!answer.ok) throw new Error(`the mint answered ${answer.status}: ${await answer.text()}`);
      return answer.json();
    },
    async metrics() {
      return (await fetch(`${url}/metrics`, { headers: await asOperator() })).text();
    },
  };
}
