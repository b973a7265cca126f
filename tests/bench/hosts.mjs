// What a run needs around it: the in-memory source, a real `jetway serve`, a site for the page, a headless Chromium.
// Each answers `{ …, close }`; closing ends exactly what was started. Must not know what is measured.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The bench's own server; it ends with its standard input. */
export async function startSource(binary) {
  const child = spawn(binary, { stdio: ["pipe", "pipe", "inherit"] });
  const line = await Promise.race([
    once(child.stdout, "data").then(([data]) => data.toString()),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`${binary} ended with ${code} before it was ready`))),
  ]);
  const close = async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, "exit");
  };
  return { url: JSON.parse(line).url, close };
}

/** A throw-away `jetway serve` that lets `origin` in. */
export async function startServe(binary, origin, options = []) {
  const home = await mkdtemp(join(tmpdir(), "jetway-bench-"));
  const ready = join(home, "ready.json");
  const args = ["serve", "--listen", "127.0.0.1:0", "--data-dir", join(home, "data"), "--ephemeral", "--ready-file", ready];
  const child = spawn(binary, [...args, "--allow-origin", origin, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said = (said + data).slice(-4000)));
  const close = async () => {
    child.kill("SIGTERM");
    const code = child.exitCode ?? (await Promise.race([once(child, "exit").then(([ended]) => ended), sleep(15_000, "late")]));
    if (code === "late") child.kill("SIGKILL");
    await rm(home, { recursive: true, force: true });
    if (code !== 0) throw new Error(`jetway serve ended with ${code}\n${said}`);
  };
  for (const deadline = Date.now() + 30_000; ; await sleep(10)) {
    const text = existsSync(ready) ? await readFile(ready, "utf8") : "";
    if (text) return { ...JSON.parse(text), close };
    if (child.exitCode !== null) throw new Error(`jetway serve ended with ${child.exitCode}\n${said}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`jetway serve was not ready within 30 s\n${said}`);
    }
  }
}

const PAGE = `<!doctype html><title>bench</title><script type="module" src="/page.js"></script>`;
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };

/**
 * Serves the page, its script and the package's files, and waits for the page to post what it found.
 * The page posts its results instead of being asked for them: an attached debugger slows Chromium's bodies down.
 */
export async function startSite({ script, packageDir }) {
  let deliver;
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    const answer = (status, type, body) => response.writeHead(status, { "content-type": type }).end(body);
    try {
      if (request.method === "POST" && pathname === "/result") {
        const chunks = await request.toArray();
        deliver?.(JSON.parse(Buffer.concat(chunks).toString()));
        return answer(204, "text/plain", "");
      }
      if (pathname === "/") return answer(200, "text/html", PAGE);
      if (pathname === "/page.js") return answer(200, "text/javascript", script);
      if (!pathname.startsWith("/jetway/")) return answer(404, "text/plain", "no such file");
      const file = join(packageDir, normalize(decodeURIComponent(pathname.slice("/jetway".length))));
      answer(200, TYPES[extname(file)] ?? "application/octet-stream", await readFile(file));
    } catch (error) {
      answer(error.code === "ENOENT" ? 404 : 500, "text/plain", String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const result = () => new Promise((resolve) => (deliver = resolve));
  return { url, result, close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()) };
}

/** CHROMIUM, else what Debian, Ubuntu, Fedora and Google call it. */
export function findChromium() {
  const folders = (process.env.PATH ?? "").split(":");
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
  return process.env.CHROMIUM ?? found;
}

/** Opens `url` in a headless Chromium of its own, without a debugger. */
export async function startChromium(binary, url) {
  const profile = await mkdtemp(join(tmpdir(), "jetway-chromium-"));
  const flags = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking"];
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const child = spawn(binary, [...flags, ...root, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
  const ended = once(child, "exit").then(([code]) => `ended with ${code}`, String);
  const close = async () => {
    if (child.exitCode === null && child.pid) process.kill(-child.pid, "SIGKILL");
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  return { ended, close };
}
