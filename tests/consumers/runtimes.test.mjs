// Projects that install the packed package, as its users do: import, require, TypeScript, esbuild. The list of entries
// is the package's own `exports`. Other bundlers are in bundlers.test.mjs, other runtimes in hosts.test.mjs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startServer } from "../browser/server.mjs";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TOOLS = join(ROOT, "tests/node_modules/.bin");
const SAY_HI = `const sandbox = Sandbox.run({ client: new Client({ baseUrl: BASE, auth: TOKEN }) });
  const { stdout } = await sandbox.exec(["echo", "hi"]);
  const talk = await sandbox.exec(["cat"], { input: "there" });
  await sandbox.delete();
  console.log(stdout.trim(), talk.stdout);`;

let server;
let project;
before(async () => {
  server = await startServer();
  project = await mkdtemp(join(tmpdir(), "jetway-consumer-"));
  const { version } = JSON.parse(await readFile(join(ROOT, "target/npm/jetway/package.json"), "utf8"));
  const tarball = process.env.JETWAY_TARBALL ?? join(ROOT, `target/npm/jetway-${version}.tgz`);
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], { cwd: project });
});
after(async () => {
  await server?.stop();
  await rm(project, { recursive: true, force: true });
});

const write = (name, text) => writeFile(join(project, name), text);
const hi = () => {
  const { url, token } = server.ready;
  return SAY_HI.replace("BASE", JSON.stringify(url)).replace("TOKEN", JSON.stringify(token));
};

async function output(program, args) {
  const { stdout } = await run(program, args, { cwd: project, timeout: 60_000 });
  return stdout.trim();
}

test("every file that the package exports is in it", async () => {
  const folder = join(project, "node_modules/jetway");
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const files = (target) => (typeof target === "string" ? [target] : Object.values(target).flatMap(files));
  for (const file of files(manifest.exports)) await readFile(join(folder, file));
  assert.equal(manifest.dependencies, undefined);
});

test("import, in Node", async () => {
  await write("esm.mjs", `import { Client, Sandbox } from "jetway";\n${hi()}`);
  assert.equal(await output(process.execPath, ["esm.mjs"]), "hi there");
});

test("require, in Node: with modules of the platform, and as older versions do it", async () => {
  await write("cjs.cjs", `const { Client, Sandbox } = require("jetway");\n(async () => {${hi()}})();`);
  assert.equal(await output(process.execPath, ["cjs.cjs"]), "hi there");
  assert.equal(await output(process.execPath, ["--no-experimental-require-module", "cjs.cjs"]), "hi there");
});

test("a sandbox is found again from another thread by what its handle says of itself", async () => {
  const { url, token } = server.ready;
  const client = `new Client({ baseUrl: ${JSON.stringify(url)}, auth: ${JSON.stringify(token)} })`;
  await write(
    "thread.mjs",
    `import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { Client, Sandbox } from "jetway";
const client = ${client};
if (isMainThread) {
  const sandbox = await Sandbox.create({ client });
  const worker = new Worker(new URL(import.meta.url), { workerData: JSON.stringify(sandbox) });
  const told = await new Promise((done, fail) => worker.once("message", done).once("error", fail));
  console.log(told, sandbox.status);
  await sandbox.delete();
} else {
  const { sandboxId } = JSON.parse(workerData);
  const sandbox = await Sandbox.fromId(sandboxId, { client });
  parentPort.postMessage((await sandbox.exec(["echo", "from a thread"])).stdout.trim());
}
`,
  );
  assert.equal(await output(process.execPath, ["thread.mjs"]), "from a thread running");
});

test("the older spellings are of the same classes, imported and required", async () => {
  await write("compat.mjs", `import { AviatoError } from "jetway/compat"; import { JetwayError } from "jetway"; console.log(AviatoError === JetwayError);`);
  await write("compat.cjs", `const old = require("jetway/compat"); console.log(old.CWSandboxAuthenticationError === require("jetway").AuthenticationError);`);
  assert.equal(await output(process.execPath, ["compat.mjs"]), "true");
  assert.equal(await output(process.execPath, ["compat.cjs"]), "true");
  assert.equal(await output(process.execPath, ["--no-experimental-require-module", "compat.cjs"]), "true");
});

test("the inline entry needs no file beside it", async () => {
  const code = `import { Client, Sandbox } from "jetway/inline";\n${hi().replace(/const talk = .*?;\n/s, 'const talk = { stdout: "there" };\n')}`;
  await write("inline.mjs", code);
  await run(join(TOOLS, "esbuild"), ["inline.mjs", "--bundle", "--format=esm", "--outfile=inline.bundle.mjs", "--log-level=warning"], { cwd: project });
  await rm(join(project, "moved"), { recursive: true, force: true });
  const elsewhere = await mkdtemp(join(tmpdir(), "jetway-inline-"));
  try {
    await copyFile(join(project, "inline.bundle.mjs"), join(elsewhere, "bundle.mjs"));
    const { stdout } = await run(process.execPath, [join(elsewhere, "bundle.mjs")], { timeout: 60_000 });
    assert.equal(stdout.trim(), "hi there");
  } finally {
    await rm(elsewhere, { recursive: true, force: true });
  }
});

test("a bundler for browsers takes the browser's entry, and nothing of Node", async () => {
  await write("page.js", `import { Sandbox } from "jetway";\nSandbox.run();`);
  const args = ["page.js", "--bundle", "--format=esm", "--outfile=page.bundle.js", "--metafile=page.json", "--log-level=warning"];
  const { stderr } = await run(join(TOOLS, "esbuild"), args, { cwd: project });
  assert.equal(stderr, "");
  const { inputs } = JSON.parse(await readFile(join(project, "page.json"), "utf8"));
  const names = Object.keys(inputs).filter((name) => name.includes("jetway")).map((name) => name.split("/").at(-1));
  assert.ok(names.includes("index.js"), names.join());
  for (const other of ["node.js", "http2.js", "environment.js", "deno.js"]) assert.ok(!names.includes(other), `${other} is in it`);
});

test("TypeScript takes it: modules, require and bundlers, strict", async () => {
  const code = (how) => `${how}
    async function main(): Promise<void> {
      await using sandbox = Sandbox.run({ image: "python:3.11", env: { A: "1", B: undefined }, tags: ["a"] });
      const other = Sandbox.run("sh", "-c", "true", { maxLifetimeSeconds: 5 });
      const process = sandbox.exec(["cat"], { stdin: true });
      const writer: WritableStreamDefaultWriter<unknown> = process.stdin.getWriter();
      const result = await process;
      const code: number = result.exitCode;
      const text: string = await sandbox.readFile("/a", { encoding: "utf8" });
      const bytes: Uint8Array = await sandbox.readFile("/a");
      for await (const line of sandbox.exec(["ls"])) line.toUpperCase();
      for await (const found of Sandbox.list({ status: "running" })) found.sandboxId?.length;
      const all: Sandbox[] = await Sandbox.list();
      try { await other.wait(); } catch (error) { if (error instanceof JetwayError) error.hint?.length; }
      // @ts-expect-error an option that does not exist
      sandbox.exec(["ls"], { cdw: "/" });
      // @ts-expect-error without stdin there is none
      sandbox.exec(["ls"]).stdin.getWriter();
      void [writer, code, text, bytes, all];
    }
    void main;`;
  await write("old.mts", `import { AviatoAuthenticationError, OperationRef, Sandbox } from "jetway/compat"; export const a: AviatoAuthenticationError | Sandbox | OperationRef<5> = OperationRef.of<5>(5);`);
  await write("old.cts", `import { NetworkOptions } from "jetway/compat"; export const a = new NetworkOptions({ ingressMode: "public", exposedPorts: [80] });`);
  const names = "Sandbox, JetwayError";
  await write("types.mts", code(`import { ${names} } from "jetway";`));
  await write("types.cts", code(`import { ${names} } from "jetway";`));
  await write("types.ts", code(`import { ${names} } from "jetway";`));
  const strict = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,esnext.disposable,esnext,dom,dom.iterable,dom.asynciterable", "--types", ""];
  const tsc = (args) => run(join(TOOLS, "tsc"), [...args, ...strict], { cwd: project }).catch((error) => assert.fail(error.stdout));
  await tsc(["types.mts", "types.cts", "old.mts", "old.cts", "--module", "nodenext", "--exactOptionalPropertyTypes"]);
  await tsc(["types.ts", "--module", "esnext", "--moduleResolution", "bundler"]);
});
