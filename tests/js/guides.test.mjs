// The code of docs/guides and docs/tutorial: every block runs by itself after the guide's own prelude, against a real server, and prints
// what stands under it; those marked `check` have their types checked instead.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { transform } from "esbuild";

import { startServer } from "../browser/server.mjs";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DOCS = join(ROOT, "docs");
const PACKAGE = resolve(process.env.JETWAY_PACKAGE ?? join(ROOT, "target/npm/jetway"));
const BINARY = process.env.JETWAY_BIN ?? join(ROOT, "target/debug/jetway");
const KINDS = ["js prelude", "js", "js check", "ts check", "text", "sh"];

/** The fences of a guide in order, with their line. */
function fences(text) {
  return [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(({ 1: kind, 2: code, index }) => {
    return { kind, code, line: text.slice(0, index).split("\n").length };
  });
}

const guides = [];
for (const folder of ["guides", "tutorial"]) {
  for (const file of (await readdir(join(DOCS, folder))).sort()) {
    const text = await readFile(join(DOCS, folder, file), "utf8");
    const found = fences(text);
    // Before the prelude there may be how to get a server.
    const at = found.findIndex(({ kind }) => kind === "js prelude");
    const blocks = [...found.slice(0, at), ...found.slice(at + 1)];
    const shown = (at) => (blocks[at + 1]?.kind === "text" ? blocks[at + 1].code : undefined);
    const code = blocks.map((block, at) => ({ ...block, shown: shown(at), before: blocks[at - 1] }));
    guides.push({ name: `${folder}/${file}`, text, prelude: found[at], blocks: code });
  }
}

let server;
let project;
before(async () => {
  server = await startServer();
  project = await mkdtemp(join(tmpdir(), "jetway-guides-"));
  await mkdir(join(project, "node_modules"));
  await symlink(PACKAGE, join(project, "node_modules/jetway"));
  await symlink(join(ROOT, "tests/node_modules/@types"), join(project, "node_modules/@types"));
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
});
after(async () => {
  await server?.stop();
  if (project) await rm(project, { recursive: true, force: true });
});

const stopping = "\nawait sandbox.stop({ gracefulShutdownSeconds: 0, missingOk: true });\n";

/** `await using` for a Node that does not know it yet, as compilers write it. */
async function runnable(code) {
  if (!code.includes("await using")) return code;
  return (await transform(code, { target: "es2022", supported: { "top-level-await": true } })).code;
}

test("there are guides, each with one prelude, and no block of a kind that nothing checks", () => {
  assert.equal(guides.filter(({ name }) => name.startsWith("guides/")).length, 10);
  assert.equal(guides.filter(({ name }) => name.startsWith("tutorial/")).length, 8);
  for (const { name, prelude, blocks, text } of guides) {
    assert.equal(prelude?.kind, "js prelude", name);
    assert.equal(text.match(/^```/gm).length, 2 * (blocks.length + 1), `${name} has a fence that does not end`);
    for (const { kind, line, before } of blocks) {
      assert.ok(KINDS.includes(kind) && kind !== "js prelude", `${name}:${line}: \`${kind}\` is none of ${KINDS}`);
      if (kind === "text") assert.equal(before?.kind, "js", `${name}:${line}: output of nothing that ran`);
    }
  }
});

for (const { name, prelude, blocks } of guides) {
  describe(name, () => {
    for (const { kind, code, line, shown } of blocks.filter(({ kind }) => kind === "js")) {
      test(`line ${line} does what it says`, { timeout: 60_000 }, async () => {
        assert.ok(shown !== undefined, `${kind} without its output: nothing would be checked`);
        const file = `${name.replace("/", "-")}-${line}.mjs`;
        await writeFile(join(project, file), await runnable(prelude.code + code + stopping));
        const { url, token } = server.ready;
        const env = { ...process.env, CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token, NO_COLOR: "1" };
        const { stdout, stderr } = await run(process.execPath, [file], { cwd: project, env, timeout: 45_000 });
        assert.equal(stdout, shown);
        assert.equal(stderr, "");
      });
    }
  });
}

test("the types of the blocks that do not run are right", { timeout: 60_000 }, async () => {
  const files = [];
  for (const { name, prelude, blocks } of guides) {
    for (const { kind, code, line } of blocks.filter(({ kind }) => kind.endsWith(" check"))) {
      const file = `typed-${name.replace("/", "-")}-${line}.${kind.startsWith("ts") ? "mts" : "mjs"}`;
      await writeFile(join(project, file), prelude.code + code);
      files.push(file);
    }
  }
  assert.ok(files.length > 0);
  const options = ["--allowJs", "--checkJs", "--noEmit", "--strict", "false", "--target", "es2022", "--module", "nodenext"];
  const libraries = ["--lib", "esnext,esnext.disposable,dom,dom.iterable,dom.asynciterable", "--types", "node"];
  const tsc = join(ROOT, "tests/node_modules/.bin/tsc");
  await run(tsc, [...files, ...options, ...libraries], { cwd: project }).catch((error) => assert.fail(error.stdout || error));
});

test("commands for a terminal use options that exist", async () => {
  const commands = ["serve", "proxy"];
  const helps = await Promise.all(commands.map(async (command) => (await run(BINARY, [command, "--help"])).stdout));
  let seen = 0;
  for (const { name, blocks, text } of guides) {
    const lines = blocks.filter(({ kind }) => kind === "sh").flatMap(({ code }) => code.trim().split("\n"));
    const inText = [...text.matchAll(/`(jetway (?:serve|proxy) [^`]+)`/g)].map((match) => match[1]);
    for (const line of [...lines, ...inText]) {
      const command = commands.find((known) => line.startsWith(`jetway ${known}`));
      assert.ok(command, `${name}: nothing checks \`${line}\``);
      const help = helps[commands.indexOf(command)];
      for (const [option] of line.matchAll(/--[\w-]+/g)) {
        assert.ok(help.includes(`${option} `) || help.includes(`${option}\n`), `${name}: jetway ${command} has no ${option}`);
        seen++;
      }
    }
  }
  assert.ok(seen > 0);
});

test("links lead to files that are there", async () => {
  for (const { name, text } of guides) {
    for (const [, target] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
      await stat(resolve(DOCS, name, "..", target)).catch(() => assert.fail(`${name}: there is no ${target}`));
    }
  }
});
