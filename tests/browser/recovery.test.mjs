// What a person sees when something is wrong: no cookie, a wrong code, a server that goes away and comes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import { linkIs, openPlayground, runProgram, sandboxIs, screenshot, screenShows, typeInTerminal } from "./playground.mjs";
import { startServer } from "./server.mjs";

const NOT_SIGNED_IN = /status of 401/;
const SERVER_AWAY = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING/;

let server;
let browser;

before(async () => {
  server = await startServer();
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
