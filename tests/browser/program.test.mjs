// A person writes a program and runs it: live output, errors, exit codes, stopping, input.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import {
  createSandbox,
  openPlayground,
  outcome,
  output,
  outputHas,
  outputOf,
  runProgram,
  sandboxId,
  sandboxIs,
  screenshot,
  typeProgram,
} from "./playground.mjs";
import { startServer } from "./server.mjs";

let server;
let browser;
let page;
let watch;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  ({ page, watch } = await openPage(browser));
  page.setDefaultTimeout(20_000);
  await openPlayground(page, server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => watch.assertClean(server.ready.url));

/** Records when each new line of output came on the page. */
async function recordLines() {
  await page.evaluate(() => {
    const root = document.querySelector("[data-testid=output]");
    globalThis.seen = [];
    globalThis.recorder?.disconnect();
    globalThis.recorder = new MutationObserver(() => {
      const lines = root.textContent.split("\n").length - 1;
      while (globalThis.seen.length < lines) globalThis.seen.push(performance.now());
    });
    globalThis.recorder.observe(root, { childList: true, characterData: true, subtree: true });
  });
}

test("the sample program's ten lines arrive while it runs", async () => {
  await recordLines();
  await page.getByTestId("run").click();
  const { exitCode, output: text } = await outcome(page);
  assert.equal(exitCode, "0");
  const lines = Array.from({ length: 10 }, (_, index) => `line ${index + 1} of 10\n`).join("");
  assert.equal(await outputOf(page, "stdout"), lines);
  assert.equal(await outputOf(page, "stderr"), "goodbye from stderr\n");
  assert.ok(text.endsWith("goodbye from stderr\n"), "stderr came last");
  const seen = await page.evaluate(() => globalThis.seen);
  assert.equal(seen.length, 11);
  const spread = seen[9] - seen[0];
  assert.ok(spread > 700, `ten lines 100 ms apart came within ${spread} ms: they were not live`);
  await screenshot(page, "playground-light");
});

test("a failing program shows its traceback as stderr and its exit code", async () => {
  const { exitCode } = await runProgram(page, "import sys\nprint('before')\nsys.exit(7)");
  assert.equal(exitCode, "7");
  const failed = await runProgram(page, "raise ValueError('no such thing')");
  assert.equal(failed.exitCode, "1");
  assert.match(await outputOf(page, "stderr"), /ValueError: no such thing/);
  assert.equal(await outputOf(page, "stdout"), "");
});

test("characters that are split between writes arrive whole", async () => {
  const { output: text } = await runProgram(
    page,
    "import os, time\nfor byte in 'żółw 🐢\\n'.encode():\n  os.write(1, bytes([byte]))\n  time.sleep(0.01)",
  );
  assert.equal(text, "żółw 🐢\n");
});

test("an endless program is stopped by a click, its output stays and nothing of it goes on", async () => {
  await typeProgram(
    page,
    "import time\nwhile True:\n  print('tick')\n  open('/tmp/beat', 'a').write('.')\n  time.sleep(0.02)",
  );
  await page.getByTestId("run").click();
  await outputHas(page, "tick\ntick\ntick");
  await page.getByTestId("stop").click();
  const { exitCode, output: text } = await outcome(page);
  assert.equal(exitCode, "stopped");
  assert.match(text, /^tick\ntick/);
  const beats = "import os, time\nbefore = os.path.getsize('/tmp/beat')\ntime.sleep(0.5)\n";
  const later = await runProgram(page, `${beats}print(before > 0, os.path.getsize('/tmp/beat') - before)`);
  assert.equal(later.output, "True 0\n", "the stopped program still writes");
});

test("a program that floods its output leaves the page responsive and bounded", async () => {
  await typeProgram(page, "import sys\nline = 'x' * 99 + '\\n'\nwhile True:\n  sys.stdout.write(line * 100)");
  await page.getByTestId("run").click();
  await outputHas(page, "earlier output is no longer shown");
  const characters = (await output(page)).length;
  assert.ok(characters < 400_000, `${characters} characters are on the page`);
  await page.getByTestId("stop").click();
  assert.equal((await outcome(page)).exitCode, "stopped");
});

test("input() is answered three times and then the input ends", async () => {
  await typeProgram(
    page,
    "import sys\nfor _ in range(3):\n  name = input('name? ')\n  print('hello', name)\nprint('rest:', repr(sys.stdin.read()))",
  );
  await page.getByTestId("run").click();
  const input = page.getByTestId("stdin");
  for (const [at, name] of ["Ada", "Grace", "Łukasz"].entries()) {
    await page.waitForFunction(
      (count) => document.querySelector("[data-testid=output]").textContent.split("name? ").length === count,
      at + 2,
    );
    await input.fill(name);
    await input.press("Enter");
    await outputHas(page, `hello ${name}\n`);
  }
  await screenshot(page, "playground-input");
  await input.press("Control+d");
  const { exitCode, output: text } = await outcome(page);
  assert.equal(exitCode, "0");
  assert.ok(text.endsWith("rest: ''\n"), text);
});

test("the keyboard alone runs a program, and clear empties the output", async () => {
  await typeProgram(page, "print('by keyboard')");
  await page.keyboard.press("Control+Enter");
  assert.equal((await outcome(page)).output, "by keyboard\n");
  await page.getByTestId("clear").click();
  assert.equal(await output(page), "");
});

test("a new sandbox takes the place of the old one, which goes on, and a stopped one is started by the next run", async () => {
  await runProgram(page, "open('/tmp/left-behind', 'w').write('x')");
  const before = await sandboxId(page);
  await createSandbox(page, { name: "second" });
  await page.waitForFunction((old) => !["", old].includes(document.querySelector("#sandbox-detail").title), before);
  await sandboxIs(page, "running");
  await page.getByTestId("create").waitFor({ state: "detached" });
  const fresh = await runProgram(page, "import os\nprint(os.path.exists('/tmp/left-behind'))");
  assert.equal(fresh.output, "False\n");
  await page.locator(`[data-id="${before}"]`).waitFor();
  await page.locator("[data-selected]").getByTestId("stop-sandbox").click();
  await sandboxIs(page, "none");
  assert.equal((await runProgram(page, "print('again')")).output, "again\n");
  await sandboxIs(page, "running");
});

test("an image for JavaScript brings JavaScript, and both programs stay", async () => {
  await typeProgram(page, "print('still python')");
  await page.getByTestId("new-sandbox").click();
  const images = await page.getByTestId("image").locator("option").allInnerTexts();
  const image = images.find((name) => name.startsWith("node:"));
  assert.ok(image !== undefined, `the server offers ${images.join(", ")}`);
  await page.getByTestId("image").selectOption(image);
  await page.getByTestId("create-submit").click();
  await page.waitForSelector("[data-testid='tab-main.mjs'][aria-selected=true]");
  await page.getByTestId("run").click();
  const { exitCode } = await outcome(page);
  assert.equal(exitCode, "0", await output(page));
  assert.match(await outputOf(page, "stdout"), /^line 1 of 10\n[^]*line 10 of 10\n$/);
  assert.equal(await outputOf(page, "stderr"), "goodbye from stderr\n");
  await screenshot(page, "playground-javascript");
  await page.getByTestId("tab-main.py").click();
  await page.getByTestId("run").click();
  assert.equal((await outcome(page)).output, "still python\n");
});

test("a reload keeps sandbox, program and output", async () => {
  await typeProgram(page, "print('kept')");
  await page.waitForFunction(() => localStorage.getItem("jetway.documents")?.includes("print('kept')"));
  await page.getByTestId("run").click();
  await outcome(page);
  const id = await sandboxId(page);
  await page.reload();
  await sandboxIs(page, "running");
  assert.equal(await sandboxId(page), id);
  await outputHas(page, "kept\n");
  assert.equal((await runProgram(page, "print(open('/workspace/main.py').read())")).exitCode, "0");
});
