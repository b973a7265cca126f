// Other people's pages with our elements: the plain HTML example with the module that the server itself hands out, at
// another origin. The Vite example is a test of tests/consumers.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import { screenshot } from "./playground.mjs";
import { startServer } from "./server.mjs";
import { elementShows, elementState } from "./shells.mjs";
import { serveText } from "./site.mjs";

const EXAMPLE = new URL("../../examples/embed-html/index.html", import.meta.url);
const DEFAULT_SERVER = "http://127.0.0.1:7070";

let server;
let browser;
let site;
let text = "";

before(async () => {
  site = await serveText(() => text);
  server = await startServer(["--allow-origin", site.origin]);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await site?.stop();
});

test("a plain page runs code and has a shell in the same sandbox", async () => {
  text = (await readFile(EXAMPLE, "utf8")).replaceAll(DEFAULT_SERVER, server.ready.url);
  const { page, watch } = await openPage(browser, {});
  page.setDefaultTimeout(60_000);
  page.on("dialog", (dialog) => dialog.accept(server.ready.token));
  await page.goto(site.origin);
  await elementState(page, "open");
  const run = page.locator("jetway-run");
  await run.getByRole("button", { name: "Run" }).click();
  await run.locator("[part=output] [data-kind=stdout]").filter({ hasText: "written" }).waitFor();
  await page.evaluate(() => document.querySelector("jetway-terminal").focus());
  await page.keyboard.type("cat /tmp/squares.txt");
  await page.keyboard.press("Enter");
  await elementShows(page, /^5 25$/);
  await screenshot(page, "embed-html");
  const listed = await page.evaluate(async () => (await document.querySelector("jetway-terminal").session.kept) === true);
  assert.ok(listed, "the shell is kept");
  watch.assertNoComplaints();
  await page.close();
});

test("elements show what goes wrong as the library words it, and where there is no DOM they are only names", async () => {
  const { page } = await openPage(browser, {});
  page.setDefaultTimeout(60_000);
  text = `<!doctype html><title>wrong</title><link rel="icon" href="data:,">
    <script type="module" src="${server.ready.url}/elements.js"></script>
    <jetway-terminal token="wrong"></jetway-terminal><jetway-run token="wrong">1</jetway-run>`;
  await page.goto(site.origin);
  await elementState(page, "failed");
  const shown = await page.locator("jetway-terminal [part=status]").innerText();
  assert.match(shown, /token is wrong or has expired/);
  await page.locator("jetway-run").getByRole("button", { name: "Run" }).click();
  await page.locator("jetway-run [data-kind=error]").filter({ hasText: "token is wrong or has expired" }).waitFor();
  await page.close();
  const modules = await import("../../target/npm/jetway/src/elements.js");
  assert.deepEqual(Object.keys(modules).sort(), ["JetwayRun", "JetwayTerminal", "configureElements"]);
});
