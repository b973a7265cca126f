// A person goes through the panels: notebook, files, logs, services, processes, connection, and what can be done to a
// sandbox. Each view is checked by axe and photographed.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, afterEach, before, test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import { createSandbox, openPlayground, outputHas, runProgram, sandboxId, sandboxIs, screenshot, typeProgram } from "./playground.mjs";
import { startServer } from "./server.mjs";
// A second client, beside the page, to do what the page does not know of.
import { Client, Sandbox } from "../../target/npm/jetway/src/node.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let server;
let browser;
let beside;
let page;
let watch;

before(async () => {
  server = await startServer();
  beside = { client: new Client({ baseUrl: server.ready.url, auth: server.ready.token }) };
  browser = await startBrowser();
  ({ page, watch } = await openPage(browser));
  page.setDefaultTimeout(30_000);
  await openPlayground(page, server);
  await page.waitForSelector("[data-testid=editor] .cm-content");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => watch.assertClean(server.ready.url));

const show = (view) => page.getByTestId(`view-${view}`).click();
const toasted = (text) => page.getByTestId("toasts").getByText(text).first().waitFor();

/** What axe finds in the page as it is, one line each. */
async function violations() {
  // Evaluated, not added as a script: the page's policy allows none.
  await page.evaluate(await readFile(AXE, "utf8"));
  return page.evaluate(async () => {
    const { violations: found } = await globalThis.axe.run(document, { iframes: false });
    return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 140)}`));
  });
}

test("a notebook's cells share what they define, and show tables, pictures and errors", async () => {
  // The frame's sandbox stops the stranger's script, and Chromium says so.
  watch.tolerate(/^Blocked script execution in 'about:srcdoc'/);
  await show("notebook");
  await page.getByTestId("run-all").click();
  await page.getByTestId("cell-output").nth(1).getByText("55").waitFor();
  const editor = page.getByTestId("cell-editor").nth(1).locator(".cm-content");
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText("class T:\n  def _repr_html_(self): return '<table><tr><td>cell</td></tr></table><script>parent.hacked=1</script>'\nT()");
  await page.keyboard.press("Control+Enter");
  await page.frameLocator(".result-frame").getByText("cell").waitFor();
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
  await page.getByTestId("restart").click();
  await page.getByTestId("notebook-state").getByText("new interpreter").waitFor();
  await page.getByTestId("add-cell").click();
  await page.keyboard.insertText("squares");
  await page.keyboard.press("Control+Enter");
  await page.getByTestId("cell-output").last().getByText("NameError").first().waitFor();
  assert.deepEqual(await violations(), []);
  await screenshot(page, "notebook-light");
});

test("files are uploaded, seen to change, opened, edited, saved and downloaded", async () => {
  await show("files");
  await page.getByTestId("file-picker").setInputFiles({ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("one\n") });
  const row = (name) => page.getByTestId("tree").getByText(name, { exact: true });
  await row("note.txt").waitFor();
  const sandbox = await Sandbox.fromId(await sandboxId(page), beside);
  await sandbox.writeFile("/workspace/from-outside.txt", "x");
  await row("from-outside.txt").waitFor();
  assert.deepEqual(await violations(), []);
  await screenshot(page, "files-light");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("download-folder").click()]);
  assert.equal(download.suggestedFilename(), "workspace.tar.gz");
  await row("note.txt").click();
  await page.waitForSelector("[data-testid='tab-note.txt'][aria-selected=true]");
  await typeProgram(page, "two\n");
  await page.keyboard.press("Control+s");
  await toasted("Saved /workspace/note.txt");
  assert.equal(await sandbox.readFile("/workspace/note.txt", { encoding: "utf8" }), "two\n");
  await page.getByTestId("tab-main.py").click();
});

test("what listens on a port is shown in a frame, listed as a process and killed", async () => {
  await show("code");
  await typeProgram(page, "import http.server, socketserver\nclass H(http.server.BaseHTTPRequestHandler):\n  def do_GET(self):\n    self.send_response(200); self.end_headers(); self.wfile.write(b'<h1>served</h1>')\n  def log_message(self, *a): pass\nprint('ready', flush=True)\nsocketserver.TCPServer.allow_reuse_address = True\nsocketserver.TCPServer(('', 8080), H).serve_forever()");
  await page.getByTestId("run").click();
  await outputHas(page, "ready\n");
  await show("services");
  const url = await page.locator("[data-testid=service-url][href]").getAttribute("href");
  watch.allow(new URL(url).host);
  await page.frameLocator("[data-testid=preview]").getByText("served").waitFor();
  await screenshot(page, "services-light");
  await show("processes");
  const line = page.getByTestId("processes").locator("tr", { hasText: "main.py" });
  await line.waitFor();
  assert.deepEqual(await violations(), []);
  await screenshot(page, "processes-light");
  await line.getByRole("button", { name: /Kill/ }).click();
  await line.waitFor({ state: "detached" });
});

test("the connection panel says where, as whom and by which transport, and never the token", async () => {
  await show("connection");
  await page.getByTestId("facts").getByText(server.ready.url.replace(/\/$/, "")).waitFor();
  assert.match(await page.getByTestId("streams").innerText(), /Run\s+websocket/);
  assert.match(await page.getByTestId("calls").innerText(), /ListSandboxes/);
  assert.doesNotMatch(await page.getByTestId("facts").innerText(), new RegExp(server.ready.token));
  assert.deepEqual(await violations(), []);
  await screenshot(page, "connection-light");
});

test("the log of the main command is followed and searched", async () => {
  const sandbox = await Sandbox.create({ ...beside, command: ["sh", "-c", "for i in 1 2 3; do echo number $i; done; sleep 600"], detached: true });
  await page.locator(`[data-id="${sandbox.sandboxId}"]`).getByTestId("sandbox-row").click();
  await show("logs");
  await page.getByTestId("log").getByText("number 3").waitFor();
  await page.getByTestId("log-search").fill("number 2");
  await page.getByTestId("log-count").getByText("1 of 3 lines").waitFor();
  assert.deepEqual(await violations(), []);
  await screenshot(page, "logs-light");
});

test("a sandbox is named, paused, resumed, kept as a snapshot and forked; all go by their tag, counted first", async () => {
  await show("code");
  await createSandbox(page, { name: "mine" });
  const selected = page.locator("[data-selected]");
  await selected.getByText("mine").waitFor();
  await sandboxIs(page, "running");
  await runProgram(page, "open('/workspace/kept', 'w').write('forked')");
  await selected.getByTestId("pause-sandbox").click();
  await sandboxIs(page, "paused");
  await selected.getByTestId("resume-sandbox").click();
  await sandboxIs(page, "running");
  await selected.getByTestId("snapshot-sandbox").click();
  await toasted(/^Snapshot /);
  const before = await sandboxId(page);
  await selected.getByTestId("fork-sandbox").click();
  await page.waitForFunction((old) => !["", old].includes(document.querySelector("#sandbox-detail").title), before);
  await sandboxIs(page, "running");
  assert.equal((await runProgram(page, "print(open('/workspace/kept').read())")).output, "forked\n");
  assert.deepEqual(await violations(), []);
  await page.getByTestId("open-purge").click();
  await page.getByTestId("purge-count").click();
  await page.getByTestId("purge-report").getByText(/sandboxes have them/).waitFor();
  assert.deepEqual(await violations(), []);
  await page.getByTestId("purge-go").click();
  await toasted(/removed/);
});

test("the palette runs a command by name, the theme is switched, and the open files travel in a link", async () => {
  await page.keyboard.press("Control+k");
  await page.getByTestId("palette-input").fill("light and dark");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)?.[0]) < 60);
  await screenshot(page, "panels-dark");
  assert.deepEqual(await violations(), []);
  await show("code");
  await page.getByTestId("tab-main.py").click();
  await typeProgram(page, "print('shared')");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByTestId("share").click();
  await toasted(/link is in the clipboard/);
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.evaluate(() => localStorage.removeItem("jetway.documents"));
  const other = await page.context().newPage();
  await other.goto(link);
  await other.locator(".cm-content").getByText("print('shared')").waitFor();
  await other.close();
});
