// Directories of this machine, up and down, and what an archive may not do.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import * as jetway from "../../target/npm/jetway/src/node.js";
import { write } from "../../pkg-template/src/disk.js";
import { pack, unpack } from "../../pkg-template/src/tar.js";
import { startServer } from "../browser/server.mjs";

let server;
let sandbox;
let folder;
before(async () => {
  server = await startServer();
  const { url, token } = server.ready;
  sandbox = await jetway.Sandbox.create({ client: new jetway.Client({ baseUrl: url, auth: token }) });
  folder = await mkdtemp(join(tmpdir(), "jetway-directories-"));
});
after(async () => {
  await sandbox?.delete();
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test("a directory of this machine goes up and comes down with modes, times and links", { timeout: 60_000 }, async () => {
  const from = join(folder, "from");
  await mkdir(join(from, "bin"), { recursive: true });
  await mkdir(join(from, "node_modules/x"), { recursive: true });
  await writeFile(join(from, "bin/run.sh"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
  await writeFile(join(from, "data"), new Uint8Array(3_000_000).fill(7));
  await writeFile(join(from, "node_modules/x/y"), "no");
  await symlink("data", join(from, "link"));
  const went = await sandbox.files.upload(from, "/tmp/from", { ignore: ["node_modules/"] });
  assert.deepEqual(went, { files: 2, bytes: 3_000_019 });
  assert.equal((await sandbox.exec(["/tmp/from/bin/run.sh"])).stdout, "ran\n");
  assert.equal(await sandbox.files.exists("/tmp/from/node_modules"), false);

  const to = join(folder, "to");
  const told = [];
  const came = await sandbox.files.download("/tmp/from", to, { onProgress: (it) => told.push(it.bytes) });
  assert.deepEqual(came, went);
  assert.equal((await stat(join(to, "bin/run.sh"))).mode & 0o777, 0o755);
  assert.equal(Math.trunc((await stat(join(to, "data"))).mtimeMs / 1000), Math.trunc((await stat(join(from, "data"))).mtimeMs / 1000));
  assert.equal(await readlink(join(to, "link")), "data");
  assert.ok((await readFile(join(to, "data"))).every((byte) => byte === 7));
  assert.equal(told.at(-1), 3_000_019);
});

test("what cannot be taken apart fails, and nothing lands outside", async () => {
  const entry = (path) => ({ path, type: "file", size: 1, mode: 0o644, modifiedAt: new Date(), data: (async function* () { yield new Uint8Array(1); })() });
  for (const path of ["../out", "/etc/out", "a/../../out"]) {
    await assert.rejects(write((async function* () { yield entry(path); })(), join(folder, "trap")), /outside of its directory/, path);
  }
  await assert.rejects(async () => { for await (const _ of unpack((async function* () { yield new Uint8Array(700).fill(65); })())); }, /no tar archive/);
  const bytes = [];
  for await (const chunk of pack((async function* () { yield entry("whole"); })())) bytes.push(...chunk);
  for (const length of [100, 512, 513, 1024]) {
    const cut = new Uint8Array(bytes).subarray(0, length);
    await assert.rejects(async () => { for await (const _ of unpack((async function* () { yield cut; })())); }, /ended before its end/, String(length));
  }
});

test("an archive is the same wherever its chunks end", async () => {
  const names = ["a", `${"p/".repeat(70)}b`, "ü".repeat(60)];
  const entries = async function* () {
    for (const path of names) yield { path, type: "file", size: 600, mode: 0o640, mtimeMs: 1_000_000, data: (async function* () { yield new Uint8Array(600).fill(path.length); })() };
    yield { path: "d", type: "directory", mode: 0o755, mtimeMs: 0 };
    yield { path: "l", type: "symlink", target: "t/".repeat(80), mtimeMs: 0 };
  };
  const whole = [];
  for await (const chunk of pack(entries())) whole.push(...chunk);
  for (const size of [1, 7, 511, 512, 513, 100_000]) {
    const seen = [];
    const chunks = async function* () { for (let at = 0; at < whole.length; at += size) yield new Uint8Array(whole.slice(at, at + size)); };
    for await (const { path, type, data, mode, target } of unpack(chunks())) {
      let sum = 0;
      for await (const chunk of data) sum += chunk.reduce((total, byte) => total + byte, 0);
      seen.push([path, type, mode, sum, target]);
    }
    assert.deepEqual(seen.map(([path]) => path), [...names, "d/", "l"], `chunks of ${size}`);
    assert.deepEqual(seen[1].slice(1), ["file", 0o640, 600 * names[1].length, undefined]);
    assert.equal(seen[4][4], "t/".repeat(80));
  }
});
