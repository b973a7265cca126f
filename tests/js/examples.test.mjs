// Every file of examples/ against a real server: what it prints, that it leaves no sandbox behind, also when it fails,
// and that its types are right. A file without a row here is a failure.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startServer } from "../browser/server.mjs";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EXAMPLES = join(ROOT, "examples");
const PACKAGE = resolve(process.env.JETWAY_PACKAGE ?? join(ROOT, "target/npm/jetway"));
const CHROMIUM = process.env.JETWAY_CHROMIUM ?? "/usr/bin/chromium";

/** What each prints: the whole of it, or the lines that matter. */
const PRINTS = {
  "quick-start.mjs": "Hello from a sandbox\nexit code 0\n",
  "count.mjs": "line 0\nline 1\nline 2\nexit code 0\n",
  "basic-execution.mjs": [
    /^spaces, \$dollars and 'quotes' stay as they are$/m,
    /^sorted: a b c$/m,
    /^hello, Ada, in \/tmp$/m,
    /^exit code 3, ok false\nstdout: partly done\nstderr: out of luck$/m,
    /^lines in the file: 2$/m,
  ],
  "streaming-exec.mjs": [
    /^step 1\nstep 2\nstep 3\nexit code 0; the first line came well before the end$/m,
    /^all: to stdout\nall: to stderr\nall: and back$/m,
    /^3000000 bytes went by/m,
    /^stopped `yes` after 5 lines$/m,
  ],
  "stdin-streaming.mjs":
    "hello Ada\nhello Grace\nnobody left\nsorted: 9 10 100\nsum of a thousand numbers: 500500\nQUIET WORDS\n",
  "interactive-shell.mjs": [/^connected to [\w-]+/m, /^(sandbox\$ )*Linux\r?$/m, /^the shell ended with exit code 0$/m],
  "multiple-sandboxes.mjs":
    "3 sandboxes are running\nI am red\nI am green\nI am blue\ngreen reads red's file: no such file\n" +
    "bytes piped from one into the other: 12\nall are terminated\n",
  "concurrency.mjs":
    "all: a b c side by side\nfirst: hare\nthe loser: cancelled\nlimit on the command: command_timeout\n" +
    'limit on the waiting: wait_timeout then done after all\naborted: 3 of 3, because "changed my mind"\n',
  "parallel-batch-job.mjs":
    "task 7, try 1: execution_error\n12 of 12 tasks done by 3 sandboxes, 0 failed\n" +
    "every sum is right: true | together: 326700\n",
  "reconnect-to-sandbox.mjs":
    "found it: running\nit still knows: half way\nand it still works\nafterwards it is terminated\n",
  "error-handling.mjs": [
    /^true execution_error \| sh exited with code 4: broken pipe\n {2}it printed: half \| exit code: 4$/m,
    /^true command_timeout \| it had printed: started$/m,
    /^true CWSANDBOX_FILE_NOT_FOUND \/tmp\/nothing$/m,
    /^true cwd \| cwd: must be absolute/m,
    /^true not_found \| hint: \w+/m,
    /^true refused \| worth another try: true$/m,
    /^6 of 6 are JetwayErrors$/m,
  ],
  "delete-sandboxes.mjs": [
    /^stopped: terminated\nstopping it again is fine\ndeleted: (terminating|terminated)\ndeleted by its id$/m,
    /^no such sandbox: not_found\nmissingOk: no error$/m,
  ],
  "cleanup-by-tag.mjs":
    "of this run: 3\nfor training: 2\nstopped the training: 2\nleft of this run: 1\nstopped the rest: 1\n" +
    "running now: 0\nended: 3\n",
  "cleanup-old-sandboxes.mjs":
    "2 running, 1 older than 3 s and stopped\nthe older one: terminated\nthe younger one: running\n",
  "remote-functions.mjs":
    "in a sandbox: 5\nhere, for a test: 5\n" +
    "unbound: tax refers to `round`, `rate`, which the sandbox does not have\nbound: 1.9\n" +
    "97 is prime\n561 is not\n7919 is prime\n8911 is not\n" +
    "counted: Map(4) { 'to' => 2, 'be' => 2, 'or' => 1, 'not' => 1 }\n" +
    "threw: RangeError: too far\nat risky (risky:1)\nfrom Python: { mean: 2.5, stdev: 1.291 }\nsandboxes left: 0\n",
  "session-adopt-orphans.mjs":
    "left behind: 2\nfound one that is running\nfound one that is running\ntracked: 0\n" +
    "tracked after adopting, with a new one: 3\nboth answer: Linux Linux\nstill running: 0\n",
  "browser-code.html": "still here\n[result] 42\nCode that remembers runs in node\nthe sandbox has ended\n",
  "browser-page.html": "line 1\nline 2\nline 3\nexit code 0, over fetch\nthe sandbox has ended\n",
};
const TYPED = { "interactive-shell.mjs": "uname -s\n" };
const programs = Object.keys(PRINTS).filter((name) => name.endsWith(".mjs"));
const pages = Object.keys(PRINTS).filter((name) => name.endsWith(".html"));

let server;
let project;
let jetway;
let client;
before(async () => {
  server = await startServer();
  project = await mkdtemp(join(tmpdir(), "jetway-examples-"));
  await mkdir(join(project, "node_modules"));
  await symlink(PACKAGE, join(project, "node_modules/jetway"));
  await symlink(join(ROOT, "tests/node_modules/@types"), join(project, "node_modules/@types"));
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  for (const name of Object.keys(PRINTS)) await copyFile(join(EXAMPLES, name), join(project, name));
  jetway = await import(join(PACKAGE, "src/node.js"));
  client = new jetway.Client({ baseUrl: server.ready.url, auth: server.ready.token });
});
after(async () => {
  await server?.stop();
  if (project) await rm(project, { recursive: true, force: true });
});

/** Runs an example as a person does; resolves to how it ended. */
async function example(args, name, typed = "") {
  const { url, token } = server.ready;
  const env = { ...process.env, CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token };
  const child = spawn(process.execPath, [...args, name], { cwd: project, env, timeout: 45_000 });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  child.stdin.on("error", () => {}); // most do not read
  child.stdin.end(typed);
  const [code, signal] = await new Promise((done) => child.once("close", (...ended) => done(ended)));
  return { code: signal ?? code, stdout, stderr };
}

/** `delete` resolves before the end, so what is on its way out gets a moment. */
async function assertNothingLeft() {
  let left = await jetway.Sandbox.list({ client });
  for (let tries = 0; tries < 60 && left.length > 0; tries++) {
    await new Promise((done) => setTimeout(done, 50));
    left = await jetway.Sandbox.list({ client });
  }
  assert.deepEqual(left.map(({ sandboxId, status }) => ({ sandboxId, status })), [], "sandboxes are left behind");
}

function assertPrinted(printed, expected) {
  if (typeof expected === "string") return assert.equal(printed, expected);
  for (const line of expected) assert.match(printed, line);
}

test("every file of examples/ is known here and in its README", async () => {
  const files = (await readdir(EXAMPLES)).filter((name) => name !== "README.md").sort();
  // Folders are whole pages: tests/browser/embed.test.mjs and tests/consumers/embed.test.mjs open them.
  assert.deepEqual(files, [...Object.keys(PRINTS), "embed-html", "embed-vite"].sort());
  const readme = await readFile(join(EXAMPLES, "README.md"), "utf8");
  const listed = [...readme.matchAll(/^\| `([\w.-]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(listed.sort(), files);
});

for (const name of programs) {
  test(`${name} runs to its end`, { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await example([], name, TYPED[name]);
    assert.equal(stderr, "");
    assertPrinted(stdout, PRINTS[name]);
    assert.equal(code, 0);
    await assertNothingLeft();
  });
}

test("an example that fails half way leaves no sandbox behind", { timeout: 120_000 }, async () => {
  // The second line cannot be printed: a failure at a place that no example expects.
  const fault = "let n = 0; const log = console.log; console.log = (...a) => { if (++n > 1) throw new Error('no paper'); log(...a); };";
  // The README's ten lines have no room for it.
  for (const name of programs.filter((name) => name !== "count.mjs")) {
    const { code, stderr } = await example(["--import", `data:text/javascript,${encodeURIComponent(fault)}`], name, TYPED[name]);
    assert.match(stderr, /no paper/, name);
    assert.equal(code, 1, name);
    await assertNothingLeft();
  }
});

test("the examples' types are right", { timeout: 60_000 }, async () => {
  const options = ["--allowJs", "--checkJs", "--noEmit", "--strict", "false"];
  const target = ["--target", "es2022", "--module", "nodenext", "--lib", "esnext,dom,dom.iterable,dom.asynciterable", "--types", "node"];
  const tsc = join(ROOT, "tests/node_modules/.bin/tsc");
  await run(tsc, [...programs, ...options, ...target], { cwd: project }).catch((error) => assert.fail(error.stdout || error));
});

test("the pages run in Chromium", { timeout: 120_000 }, async (t) => {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] }).catch((error) => {
    if (process.env.JETWAY_CHROMIUM) throw error;
  });
  if (!browser) return t.skip(`there is no Chromium at ${CHROMIUM}; JETWAY_CHROMIUM names one`);
  const site = await serveProject();
  const own = await startServer(["--allow-origin", site.origin]);
  try {
    const page = await browser.newPage();
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    const there = new jetway.Client({ baseUrl: own.ready.url, auth: own.ready.token });
    for (const name of pages) {
      await page.goto(`${site.origin}/${name}`);
      await page.fill("[name=server]", own.ready.url);
      await page.fill("[name=token]", own.ready.token);
      await page.click("button");
      await page.waitForFunction(() => /has ended|error:/.test(document.querySelector("output").textContent), undefined, { timeout: 60_000 });
      assert.equal(await page.textContent("output"), PRINTS[name]);
      assert.deepEqual(complaints, []);
      assert.equal((await jetway.Sandbox.list({ client: there })).length, 0);
    }
    // A wrong token is told in words, and the button can be used again.
    await page.fill("[name=token]", "wrong");
    await page.click("button");
    await page.waitForFunction(() => document.querySelector("output").textContent.startsWith("authentication_error"));
    assert.equal(await page.isEnabled("button"), true);
  } finally {
    await browser.close();
    await own.stop();
    await site.stop();
  }
});

/** The project's files at an origin of their own, as any web server shows them. */
async function serveProject() {
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const site = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const body = await readFile(join(project, pathname)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { "content-type": types[extname(pathname)] ?? "text/plain" }).end(body);
  });
  await new Promise((done) => site.listen(0, "127.0.0.1", done));
  const stop = () => (site.closeAllConnections(), new Promise((done) => site.close(done)));
  return { origin: `http://127.0.0.1:${site.address().port}`, stop };
}
