// Real shells in `<jetway-terminal>`, used as a person uses them: interactive programs, copy and paste, search, a lost
// network, a reload, a restart of the server. Correctness only: how fast it is, tests/bench/terminal.mjs says.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Client, Sandbox } from "../../target/npm/jetway/src/node.js";
import { openPage, startBrowser } from "./browser.mjs";
import { screenshot } from "./playground.mjs";
import { startServer } from "./server.mjs";
import { elementFocus, elementLines, elementShows, elementState, elementTypes } from "./shells.mjs";
import { serveText } from "./site.mjs";
import { openNetwork } from "./network.mjs";

const LIMIT_MS = 60_000;

let server;
let way;
let site;
let browser;
let page;
let watch;
let sandbox;
let text = "";

before(async () => {
  site = await serveText(() => text);
  server = await startServer(["--allow-origin", site.origin], { durable: true });
  // By a way that can be cut; the page never knows.
  way = await openNetwork(server.ready.url);
  const { url, token } = server.ready;
  sandbox = await Sandbox.create({ client: new Client({ baseUrl: url, auth: token }), image: "host", detached: true });
  text = `<!doctype html><html lang="en"><title>shell</title><link rel="icon" href="data:,">
    <script type="module" src="${way.url}/elements.js"></script>
    <body style="color-scheme: dark; background: #0e1014">
    <jetway-terminal style="height: 700px" restore token="${token}" sandbox-id="${sandbox.sandboxId}"></jetway-terminal>`;
  browser = await startBrowser();
  ({ page, watch } = await openPage(browser, { permissions: ["clipboard-read", "clipboard-write"] }));
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(site.origin);
  await elementState(page, "open");
});

after(async () => {
  await browser?.close();
  await way?.stop();
  // A durable server leaves it running.
  await sandbox?.delete().catch(() => {});
  await server?.stop();
  await site?.stop();
});

afterEach(() => watch.assertNoComplaints());

test("a REPL, a full-screen editor and top work", async (t) => {
  await elementTypes(page, "python3 -q");
  await elementShows(page, /^>>>/);
  await page.keyboard.type("print(6 * 7)\n");
  await elementShows(page, /^42$/);
  await page.keyboard.press("Control+D");

  await elementTypes(page, "clear; top -d 1");
  await elementShows(page, /^\s*PID\s+USER/);
  await screenshot(page, "terminal-top");
  await page.keyboard.press("q");
  await elementTypes(page, "echo after-top");
  await elementShows(page, /^after-top$/);

  await elementTypes(page, "command -v vim >/dev/null && echo has-vim || echo no-vim");
  const [found] = await elementShows(page, /^(has|no)-vim$/);
  if (found === "no-vim") return t.diagnostic("there is no vim on this machine");
  await elementTypes(page, "vim -u NONE -N /tmp/note.txt");
  await elementShows(page, /^~$/);
  await page.keyboard.type("ifirst line\nsecond line");
  await screenshot(page, "terminal-vim");
  await page.keyboard.press("Escape");
  await page.keyboard.type(":wq\n");
  await elementTypes(page, "cat /tmp/note.txt; echo lines=$(wc -l < /tmp/note.txt)");
  await elementShows(page, /^lines=2$/);
});

test("24-bit colours are what the program said", async () => {
  await elementTypes(page, "clear; echo $COLORTERM; printf '\\033[38;2;12;200;99m24bit\\033[0m\\n'");
  await elementShows(page, /^24bit$/);
  const colour = await page.evaluate(() => {
    const buffer = document.querySelector("jetway-terminal").terminal.buffer.active;
    for (let at = 0; at < buffer.length; at++) {
      const line = buffer.getLine(at);
      if (line.translateToString(true) !== "24bit") continue;
      const cell = line.getCell(0);
      return { rgb: cell.isFgRGB(), colour: cell.getFgColor() };
    }
    return undefined;
  });
  assert.deepEqual(colour, { rgb: true, colour: (12 << 16) | (200 << 8) | 99 });
  await elementShows(page, /^truecolor$/);
});

test("output without end leaves the page usable, and Ctrl-C ends it", async () => {
  await elementTypes(page, "clear; yes flood | head -c 24000000; echo whole=$?");
  await elementShows(page, /^flood$/);
  // The page answers meanwhile.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  await elementShows(page, /^whole=0$/);
  await elementTypes(page, "yes flood");
  await elementShows(page, /^flood$/);
  await page.keyboard.press("Control+C");
  await elementTypes(page, "echo code=$?");
  await elementShows(page, /^code=130$/);
});

test("text is copied, pasted and found", async () => {
  await elementTypes(page, "clear; echo copied-''text");
  await elementShows(page, /^copied-text$/);
  await page.evaluate(() => {
    const { terminal } = document.querySelector("jetway-terminal");
    const buffer = terminal.buffer.active;
    for (let at = 0; at < buffer.length; at++) {
      if (buffer.getLine(at).translateToString(true) === "copied-text") terminal.select(0, at, 11);
    }
  });
  await elementFocus(page);
  await page.keyboard.press("Control+Shift+C");
  await page.waitForFunction(async () => (await navigator.clipboard.readText()) === "copied-text");
  await page.keyboard.type("echo got:");
  await page.keyboard.press("Control+V");
  await page.keyboard.press("Enter");
  await elementShows(page, /^got:copied-text$/);
  await page.keyboard.press("Control+Shift+F");
  const find = page.getByLabel("Find in the terminal");
  await find.fill("got:copied");
  const selection = () => page.evaluate(() => document.querySelector("jetway-terminal").terminal.getSelection());
  await page.waitForFunction(() => document.querySelector("jetway-terminal").terminal.getSelection() === "got:copied");
  await find.fill("nowhere-to-be-found");
  await page.getByText("not found", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await find.isVisible(), false);
  assert.notEqual(await selection(), "nowhere-to-be-found");
});

test("a lost network is come back from with everything that was printed meanwhile, once", async () => {
  watch.tolerate(/WebSocket connection|ERR_|Failed to load resource/);
  await elementTypes(page, "own=first; clear; i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo tick $i; sleep 0.1; done; echo ticked");
  await elementShows(page, /^tick 5$/);
  way.cut();
  await elementState(page, "reconnecting");
  await page.waitForTimeout(2000);
  way.mend();
  await elementState(page, "open");
  await elementShows(page, /^ticked$/);
  const ticks = (await elementLines(page, { all: true })).filter((line) => /^tick \d+$/.test(line));
  assert.deepEqual(ticks, Array.from({ length: 60 }, (_, at) => `tick ${at + 1}`));
  // What leads nowhere says nothing of its own: it has to be noticed.
  way.lose();
  await elementState(page, "reconnecting");
  way.mend();
  await elementState(page, "open");
  await elementTypes(page, "echo still-$own");
  await elementShows(page, /^still-first$/);
});

test("a reload keeps the shell and its scroll-back", async () => {
  await elementTypes(page, "clear; seq 1 200; echo before-reload; later=kept");
  await elementShows(page, /^before-reload$/);
  await page.reload();
  await elementState(page, "open");
  await elementShows(page, /^before-reload$/);
  const lines = await elementLines(page, { all: true });
  assert.ok(lines.includes("1") && lines.includes("200"), "the scroll-back is gone");
  assert.equal(lines.filter((line) => line === "before-reload").length, 1);
  await elementTypes(page, "echo is=$later and=$own");
  await elementShows(page, /^is=kept and=first$/);
});

test("a restart of the server keeps the scroll-back, and a line says that the shell is a new one", async () => {
  await elementTypes(page, "clear; echo before-restart");
  await elementShows(page, /^before-restart$/);
  await server.restart(async () => elementState(page, "reconnecting"));
  await elementState(page, "open");
  await elementShows(page, /the earlier shell is gone/);
  await elementShows(page, /^before-restart$/);
  await elementTypes(page, "echo after-restart");
  await elementShows(page, /^after-restart$/);
  await screenshot(page, "terminal-restarted");
});

test("a shell that ends is offered again", async () => {
  await elementTypes(page, "exit 3");
  await elementShows(page, /^\[shell ended with exit code 3\]$/);
  await page.getByRole("button", { name: "New shell" }).click();
  await elementTypes(page, "echo back-again");
  await elementShows(page, /^back-again$/);
});
