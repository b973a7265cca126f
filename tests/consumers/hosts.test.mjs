// The other runtimes, each as its users have it: Deno, Bun and Cloudflare's workerd run the packed package against a
// real server. Where one is not installed its test says so.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startServer } from "../browser/server.mjs";
import { LIMIT_MS, createProject, program } from "./project.mjs";

const ESBUILD = fileURLToPath(new URL("../node_modules/.bin/esbuild", import.meta.url));
const TELL = `async function tell(baseUrl, auth) {
  const sandbox = Sandbox.run({ client: new Client({ baseUrl, auth }) });
  try {
    const { stdout } = await sandbox.exec(["echo", "hi"]);
    const lines = [];
    for await (const line of sandbox.exec(["sh", "-c", "echo a; echo b"])) lines.push(line);
    const talk = sandbox.exec(["cat"], { stdin: true });
    await talk.write("there");
    await talk.closeStdin();
    const { stdout: echoed } = await talk;
    await sandbox.writeFile("/tmp/x", "text");
    const sum = await sandbox.function((x, y) => x + y)(2, 3);
    return [stdout.trim(), ...lines, echoed, await sandbox.readFile("/tmp/x", { encoding: "utf8" }), sum, talk.transport].join(" ");
  } finally {
    await sandbox.delete();
  }
}`;

let server;
let project;
before(async () => {
  server = await startServer();
  project = await createProject();
  const { url, token } = server.ready;
  const main = `console.log(await tell(${JSON.stringify(url)}, ${JSON.stringify(token)}));`;
  await project.write("main.mjs", `import { Client, Sandbox } from "jetway";\n${TELL}\n${main}\n`);
});
after(async () => {
  await server?.stop();
  await project?.remove();
});

const absent = (name) => `${name} is not installed for this platform (cargo xtask setup)`;

test("Deno runs it, allowed nothing but the network", { timeout: LIMIT_MS }, async (t) => {
  const deno = process.env.JETWAY_DENO ?? (await program("@deno/*/deno"));
  if (!deno) return t.skip(absent("Deno"));
  await project.write("deno.json", JSON.stringify({ nodeModulesDir: "manual" }));
  const said = await project.output(deno, ["run", "--no-prompt", "--allow-net=127.0.0.1", "main.mjs"]);
  assert.match(said, /^hi a b there text 5 (duplex|websocket)$/);
});

test("Bun runs it", { timeout: LIMIT_MS }, async (t) => {
  const bun = process.env.JETWAY_BUN ?? (await program("@oven/*/bin/bun"));
  if (!bun) return t.skip(absent("Bun"));
  assert.match(await project.output(bun, ["run", "main.mjs"]), /^hi a b there text 5 (http2|duplex|websocket)$/);
});

test("a Cloudflare worker runs it", { timeout: LIMIT_MS }, async (t) => {
  const workerd = await program("@cloudflare/*/bin/workerd");
  if (!workerd) return t.skip(absent("workerd"));
  await project.write(
    "worker.mjs",
    `import { Client, Sandbox } from "jetway";\n${TELL}
export default {
  async fetch(request, { SERVER, TOKEN }) {
    return new Response(await tell(SERVER, TOKEN).catch((error) => String(error.stack ?? error)));
  },
};
`,
  );
  const bundle = ["worker.mjs", "--bundle", "--format=esm", "--conditions=workerd", "--external:*.wasm", "--outfile=worker.js", "--log-level=warning"];
  await project.output(ESBUILD, bundle);
  const port = await freePort();
  const { url, token } = server.ready;
  await project.write("worker.capnp", configuration(port, url, token));
  const child = spawn(workerd, ["serve", "worker.capnp"], { cwd: project.folder, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  const ended = new Promise((done) => child.once("close", done));
  try {
    assert.match(await ask(`http://127.0.0.1:${port}/`, child, () => log), /^hi a b there text 5 (duplex|websocket)$/);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
});

const configuration = (port, url, token) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "core_bg.wasm", wasm = embed "node_modules/jetway/src/core_bg.wasm"),
  ],
  bindings = [(name = "SERVER", text = "${url}"), (name = "TOKEN", text = "${token}")],
  compatibilityDate = "2026-01-01",
);
`;

/** The answer, as soon as somebody listens. */
async function ask(url, child, log) {
  const until = Date.now() + LIMIT_MS / 2;
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (child.exitCode !== null || Date.now() > until) throw new Error(`workerd does not answer:\n${log()}`, { cause: error });
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

function freePort() {
  const probe = createServer();
  return new Promise((done) => probe.listen(0, "127.0.0.1", () => (({ port }) => probe.close(() => done(port)))(probe.address())));
}
