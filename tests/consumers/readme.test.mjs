// The README's code is the example's, and it runs for somebody who has nothing but the packed package and a server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer } from "../browser/server.mjs";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

test("the README shows the code of examples/count.mjs", async () => {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const shown = /```js\n(.*?)```/s.exec(readme)?.[1];
  const example = await readFile(join(ROOT, "examples/count.mjs"), "utf8");
  assert.equal(shown, example.replace(/^\/\/.*\n/, ""));
});

test("the README's code runs in a project that installed the packed package", async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, "target/npm/jetway/package.json"), "utf8"));
  const tarball = process.env.JETWAY_TARBALL ?? join(ROOT, `target/npm/jetway-${version}.tgz`);
  const project = await mkdtemp(join(tmpdir(), "jetway-readme-"));
  const server = await startServer();
  try {
    await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], { cwd: project });
    await writeFile(join(project, "count.mjs"), await readFile(join(ROOT, "examples/count.mjs")));
    const { url, token } = server.ready;
    const env = { ...process.env, CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token };
    const { stdout } = await run(process.execPath, ["count.mjs"], { cwd: project, env, timeout: 30_000 });
    assert.equal(stdout, "line 0\nline 1\nline 2\nexit code 0\n");
  } finally {
    await server.stop();
    await rm(project, { recursive: true, force: true });
  }
});
