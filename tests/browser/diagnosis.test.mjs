// A page's bare "Failed to fetch" is told apart: who is offline, whom the server does not allow, what a page may not call.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { openPage, startBrowser } from "./browser.mjs";
import { startServer } from "./server.mjs";
import { serveHtml, serveSite } from "./site.mjs";

const PACKAGE = fileURLToPath(new URL("../../target/npm/jetway/", import.meta.url));

let server;
let browser;
let site;
let html;
before(async () => {
  [site, html] = await Promise.all([serveSite(), serveHtml()]);
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await Promise.all([site?.stop(), html?.stop()]);
});

/** What a page's call of a server fails with. */
const failure = (page, baseUrl, token = "x") =>
  page.evaluate(
    async ({ baseUrl, token }) => {
      const { Client, Sandbox } = await import("/package/src/index.js");
      const client = new Client({ baseUrl, auth: token, retry: false });
      const error = await Sandbox.fromId("any", { client }).then(() => undefined, (error) => error);
      return error && { code: error.code, diagnosis: error.metadata.diagnosis, hint: error.hint, retryable: error.retryable };
    },
    { baseUrl, token },
  );

async function pageAt(origin, options) {
  const { page, context } = await openPage(browser, options);
  await page.goto(origin);
  return { page, context };
}

test("a server that does not allow the page's origin", async () => {
  // Any server without a word about other origins.
  const silent = await serveSite();
  const { page, context } = await pageAt(site.origin);
  const { code, diagnosis, hint, retryable } = await failure(page, silent.origin);
  assert.deepEqual([code, diagnosis, retryable], ["network_error", "cors", false]);
  assert.match(hint, /allow-origin/);
  await context.close();
  await silent.stop();
});

test("a server that is not there", async () => {
  const { page, context } = await pageAt(site.origin);
  const { code, diagnosis } = await failure(page, "http://127.0.0.1:9");
  assert.deepEqual([code, diagnosis], ["network_error", "unreachable"]);
  await context.close();
});

test("a server that answers with HTML, as a proxy's log-in page does", async () => {
  const { page, context } = await pageAt(site.origin);
  const { code, diagnosis, hint } = await failure(page, html.origin);
  assert.deepEqual([code, diagnosis], ["network_error", "not_grpc"]);
  assert.match(hint, /baseUrl/);
  await context.close();
});

test("a machine without a network", async () => {
  const { page, context } = await pageAt(site.origin);
  await page.evaluate(() => import("/package/src/index.js").then(({ Client, Sandbox }) => Sandbox.list({ client: new Client({ auth: "x", retry: false }) }).catch(() => {})));
  await context.setOffline(true);
  const { code, diagnosis } = await failure(page, server.ready.url);
  assert.deepEqual([code, diagnosis], ["network_error", "offline"]);
  await context.close();
});

test("a page from https that calls http", async () => {
  const { page, context } = await openPage(browser, { ignoreHTTPSErrors: true });
  await page.route("https://page.test/**", async (route) => {
    const { pathname } = new URL(route.request().url());
    if (!pathname.startsWith("/package/")) return route.fulfill({ contentType: "text/html", body: "<!doctype html>" });
    const contentType = pathname.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    return route.fulfill({ contentType, body: await readFile(join(PACKAGE, pathname.slice("/package/".length))) });
  });
  await page.goto("https://page.test/");
  const { code, diagnosis, hint } = await failure(page, "http://server.test/");
  assert.deepEqual([code, diagnosis], ["network_error", "mixed_content"]);
  assert.match(hint, /https/);
  await context.close();
});
