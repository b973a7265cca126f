// What a person sees when something is wrong: no cookie, a wrong code, a server that goes away and comes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openPage, startBrowser } from "./browser.mjs";
import { linkIs, openPlayground, runProgram, sandboxId, sandboxIs, screenshot, screenShows, typeInTerminal } from "./playground.mjs";
import { startServer } from "./server.mjs";
// A second client, beside the page, to see and to do what the page does not know of.
import { Client, Sandbox } from "../../target/npm/jetway/src/node.js";

const NOT_SIGNED_IN = /status of 401/;
const SERVER_AWAY = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING/;

let server;
let browser;
let beside;

before(async () => {
  server = await startServer();
  beside = { client: new Client({ baseUrl: server.ready.url, auth: server.ready.token }) };
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("without the link's cookie the page says which link to open", async () => {
  const { page, watch, context } = await openPage(browser);
  watch.tolerate(NOT_SIGNED_IN);
  await page.goto(server.ready.url);
  await linkIs(page, "refused");
  assert.match(await page.getByTestId("banner").innerText(), /open the (link|address|url).*jetway serve/is);
  await screenshot(page, "playground-not-signed-in");
  watch.assertClean(server.ready.url);
  await context.close();
});

test("a cookie that is gone is noticed at the next start, and the link signs in again", async () => {
  const { page, watch, context } = await openPage(browser);
  watch.tolerate(NOT_SIGNED_IN);
  await openPlayground(page, server);
  await context.clearCookies();
  await page.reload();
  await linkIs(page, "refused");
  await openPlayground(page, server);
  assert.equal((await runProgram(page, "print('signed in')")).output, "signed in\n");
  watch.assertClean(server.ready.url);
  await context.close();
});

test("a wrong code in the link does not sign in", async () => {
  const { page, context } = await openPage(browser);
  const link = new URL(server.ready.launchUrl);
  link.searchParams.set("code", "0123456789abcdef");
  const response = await page.goto(link.href);
  const token = await page.evaluate(async () => (await fetch("/page/token", { method: "POST" })).status);
  assert.equal(token, 401);
  assert.ok(response !== null && response.status() < 500, `the server answered ${response?.status()}`);
  await context.close();
});

test("a sandbox that ends behind the page's back is named, and another is a click away", async () => {
  const { page, watch, context } = await openPage(browser);
  await openPlayground(page, server);
  await page.waitForSelector("[data-testid=terminal-state][data-phase=open]");
  await Sandbox.delete(await sandboxId(page), beside);
  await sandboxIs(page, "ended");
  await screenshot(page, "playground-sandbox-ended");
  await page.getByTestId("banner").getByRole("button", { name: "New sandbox" }).click();
  await sandboxIs(page, "running");
  assert.equal((await runProgram(page, "print('anew')")).output, "anew\n");
  watch.assertClean(server.ready.url);
  await context.close();
});

test("an image that the server cannot serve is refused in the library's words, and nothing else breaks", async () => {
  const { page, watch, context } = await openPage(browser);
  await openPlayground(page, server);
  await page.getByTestId("new-sandbox").click();
  await page.getByTestId("create-other").fill("no-such-image:1");
  await page.getByTestId("create-submit").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=create-problem]")?.textContent.includes("no-such-image:1"));
  await screenshot(page, "playground-no-such-image");
  await page.getByTestId("create-other").fill("");
  await page.getByTestId("create-submit").click();
  await page.getByTestId("create").waitFor({ state: "detached" });
  await sandboxIs(page, "running");
  assert.ok(await page.getByTestId("banner").isHidden());
  assert.equal((await runProgram(page, "print('fine')")).output, "fine\n");
  watch.assertClean(server.ready.url);
  await context.close();
});

test("a page that is closed leaves its sandbox to the next one, which takes it", async () => {
  const { page, context } = await openPage(browser);
  await openPlayground(page, server);
  const id = await sandboxId(page);
  await page.close();
  const next = await context.newPage();
  await openPlayground(next, server);
  assert.equal(await sandboxId(next), id);
  await context.close();
});

test("offline for twenty seconds costs neither output nor files", async () => {
  const { page, watch, context } = await openPage(browser);
  page.setDefaultTimeout(60_000);
  watch.tolerate(/ERR_INTERNET_DISCONNECTED|WebSocket/);
  await openPlayground(page, server);
  assert.equal((await runProgram(page, "open('/workspace/kept', 'w').write('x')\nprint('shown')")).output, "shown\n");
  await context.setOffline(true);
  await linkIs(page, "offline");
  await sleep(20_000);
  await context.setOffline(false);
  await linkIs(page, "online");
  await sandboxIs(page, "running");
  assert.match(await page.getByTestId("output").innerText(), /shown/);
  assert.equal((await runProgram(page, "print(open('/workspace/kept').read())")).output, "x\n");
  watch.assertClean(server.ready.url);
  await context.close();
});

test("the page says that the server is gone and goes on when it is back", async () => {
  const { page, watch, context } = await openPage(browser);
  page.setDefaultTimeout(30_000);
  watch.tolerate(SERVER_AWAY);
  watch.tolerate(NOT_SIGNED_IN);
  watch.tolerate(/WebSocket/);
  await openPlayground(page, server);
  await typeInTerminal(page, "echo before");
  await screenShows(page, /^before$/);
  await server.restart(async () => {
    await linkIs(page, "offline");
    assert.match(await page.getByTestId("banner").innerText(), /server does not answer/);
    assert.ok(await page.getByTestId("new-sandbox").isDisabled());
    await screenshot(page, "playground-offline");
  });
  await linkIs(page, "online");
  await sandboxIs(page, "running");
  assert.equal((await runProgram(page, "print('after')")).output, "after\n");
  await typeInTerminal(page, "echo shell-after");
  await screenShows(page, /^shell-after$/);
  assert.ok(await page.getByTestId("banner").isHidden());
  watch.assertClean(server.ready.url);
  await context.close();
});
