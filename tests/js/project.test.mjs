// What a contributor is told about the project is so: licences, tasks, what git leaves alone.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path) => readFile(join(ROOT, path), "utf8");

test("everything is Apache-2.0, and examples are BSD-3-Clause, each with its text", async () => {
  const reuse = await read("REUSE.toml");
  const licences = [...reuse.matchAll(/path = "(.*)"\n.*\nSPDX-License-Identifier = "(.*)"/g)].map(([, path, licence]) => [path, licence]);
  assert.deepEqual(licences, [["**", "Apache-2.0"], ["examples/**", "BSD-3-Clause"]]);
  for (const [, licence] of licences) assert.ok((await read(`LICENSES/${licence}.txt`)).length > 100, licence);
  assert.match(await read("Cargo.toml"), /^license = "Apache-2.0"$/m);
  assert.equal(JSON.parse(await read("pkg-template/package.json")).license, "Apache-2.0");
});

test("every task that a document names exists", async (t) => {
  const xtask = join(process.env.JETWAY_BIN ?? join(ROOT, "target/debug/jetway"), "../xtask");
  if (!(await stat(xtask).catch(() => undefined))) return t.skip("cargo xtask was built elsewhere");
  const { stdout } = await promisify(execFile)(xtask, ["--help"]);
  const tasks = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map((match) => match[1]);
  for (const task of ["setup", "package", "demo", "test", "check", "bench"]) assert.ok(tasks.includes(task), task);
  const guides = (await readdir(join(ROOT, "docs"), { recursive: true })).filter((name) => name.endsWith(".md"));
  for (const file of ["README.md", "CHANGELOG.md", ...guides.map((name) => join("docs", name))]) {
    for (const [, task] of (await read(file)).matchAll(/cargo xtask ([a-z]+)/g)) assert.ok(tasks.includes(task), `${file}: cargo xtask ${task}`);
  }
});

test("documents that are only for now are left alone by git", async () => {
  const ignored = (await read(".gitignore")).split("\n");
  for (const ending of ["-OLD.md", "-draft.md", "-tmp.md", "-notes.md"]) assert.ok(ignored.includes(`*${ending}`), ending);
});
