// A person uses the shell: what is typed comes back, the size follows the window, Ctrl-C reaches the program.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import { openPlayground, screen, screenshot, screenShows, typeInTerminal } from "./playground.mjs";
import { startServer } from "./server.mjs";

let server;
let browser;
let page;
let watch;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  ({ page, watch } = await openPage(browser, { colorScheme: "dark" }));
  page.setDefaultTimeout(20_000);
  await openPlayground(page, server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => watch.assertClean(server.ready.url));

test("a command's output appears in the terminal", async () => {
  await typeInTerminal(page, "echo sum=$((40 + 2))");
  await screenShows(page, /^sum=42$/);
  await typeInTerminal(page, "test -t 0 && test -t 1 && echo on-a-$TERM");
  await screenShows(page, /^on-a-xterm-256color$/);
});

test("stty size follows the window", async () => {
  const size = async (mark) => {
    await typeInTerminal(page, `echo ${mark}: $(stty size)`);
    const [, rows, columns] = await screenShows(page, new RegExp(`^${mark}: (\\d+) (\\d+)$`));
    return { rows: Number(rows), columns: Number(columns) };
  };
  const wide = await size("wide");
  assert.equal(wide.rows, (await screen(page)).length);
  await page.setViewportSize({ width: 1000, height: 600 });
  await page.waitForFunction(
    (rows) => document.querySelectorAll("[data-testid=terminal] .xterm-rows > div").length < rows,
    wide.rows,
  );
  const small = await size("small");
  assert.equal(small.rows, (await screen(page)).length);
  assert.ok(small.columns < wide.columns, `${small.columns} columns are not fewer than ${wide.columns}`);
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("Ctrl-C ends the program in the foreground and not the shell", async () => {
  await typeInTerminal(page, "echo go; sleep 1000");
  await screenShows(page, /^go$/);
  await page.keyboard.press("Control+C");
  await typeInTerminal(page, "echo code=$?");
  await screenShows(page, /^code=130$/);
});

test("colours, a REPL and wide characters work", async () => {
  await typeInTerminal(page, "printf '\\033[31mred\\033[0m \\033[1;34mblue\\033[0m 日本 🐢\\n'");
  await screenShows(page, /^red blue 日本 ?🐢/);
  await typeInTerminal(page, "python3 -q");
  await screenShows(page, /^>>>/);
  await typeInTerminal(page, "print(6 * 7)");
  await screenShows(page, /^42$/);
  await page.keyboard.press("Control+D");
  await screenshot(page, "playground-dark");
});

test("a shell that has ended is offered again", async () => {
  await typeInTerminal(page, "exit 3");
  await page.waitForSelector("[data-testid=terminal-state][data-phase=ended]");
  await screenShows(page, /^\[shell ended with exit code 3\]$/);
  await page.getByTestId("reconnect").click();
  await typeInTerminal(page, "echo back-again");
  await screenShows(page, /^back-again$/);
});

test("a full-screen program that is cut off leaves a plain screen below what was there", async () => {
  await typeInTerminal(page, "echo above; printf '\\033[?1049h\\033[?1000hinside'; read key; exit 4");
  await screenShows(page, /^inside/);
  await page.keyboard.press("Enter");
  await screenShows(page, /^\[shell ended with exit code 4\]$/);
  const lines = await screen(page);
  assert.ok(lines.indexOf("above") >= 0 && lines.indexOf("above") < lines.indexOf("[shell ended with exit code 4]"), lines.join("\n"));
  assert.ok(!lines.some((line) => line.startsWith("inside")));
  await page.getByTestId("reconnect").click();
  await typeInTerminal(page, "echo plain-again");
  await screenShows(page, /^plain-again$/);
});

test("Control and backtick go from the editor to the shell and back", async () => {
  await page.locator("[data-testid=editor] .cm-content").focus();
  const inside = (testId) => page.evaluate((id) => document.activeElement?.closest(`[data-testid=${id}]`) !== null, testId);
  await page.keyboard.press("Control+Backquote");
  await page.waitForFunction(() => document.activeElement?.closest("[data-testid=terminal]") !== null);
  await page.keyboard.press("Control+Backquote");
  assert.ok(await inside("editor"));
});
