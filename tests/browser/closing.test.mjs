// A page that goes takes the sandboxes that it made with it, by the library alone; those that are detached stay.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import * as jetway from "../../target/npm/jetway/src/node.js";
import { openPage, startBrowser } from "./browser.mjs";
import { startServer } from "./server.mjs";
import { serveSite } from "./site.mjs";

const PACKAGE = fileURLToPath(new URL("../../target/npm/jetway/", import.meta.url));
const SETTLE_MS = 60_000;

let server;
let browser;
let client;
let site;
before(async () => {
  site = await serveSite();
  server = await startServer(["--allow-origin", site.origin]);
  browser = await startBrowser();
  const { url, token } = server.ready;
  client = new jetway.Client({ baseUrl: url, auth: token });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await site?.stop();
});

const running = async () => (await jetway.Sandbox.list({ client })).map((sandbox) => sandbox.sandboxId);

/** A page at the server's own origin, with nothing but the package in it. */
async function own(page) {
  const { origin } = new URL(server.ready.url);
  await page.route(`${origin}/package/**`, async (route) => {
    const file = new URL(route.request().url()).pathname.slice("/package/".length);
    const contentType = file.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    return route.fulfill({ contentType, body: await readFile(join(PACKAGE, file)) });
  });
  await page.goto(`${origin}/healthz`);
}

/** A page at another origin, which the server allows. */
const foreign = (page) => page.goto(site.origin);

/** Makes a sandbox of each sort in a page; gives their ids. */
const make = (page, { url, token }) =>
  page.evaluate(
    async ({ url, token }) => {
      const { Client, Sandbox, Session } = await import("/package/src/index.js");
      const client = new Client({ baseUrl: url, auth: async () => ({ token, expiresInMs: 600_000 }) });
      const session = new Session({}, { client });
      const sandboxes = [await Sandbox.create({ client }), session.sandbox(), await Sandbox.create({ client, detached: true })];
      await sandboxes[1].start();
      return sandboxes.map((sandbox) => sandbox.sandboxId);
    },
    { url, token },
  );

for (const [where, open] of [["its own origin", own], ["another origin", foreign]]) {
  for (const [how, leave] of [
    ["is closed", (page) => page.close()],
    ["goes elsewhere", (page) => page.goto("about:blank")],
    ["is loaded anew", (page) => page.reload()],
  ]) {
    test(`a page of ${where} that ${how} takes its sandboxes with it`, async () => {
      const { page, context } = await openPage(browser);
      await open(page);
      const [run, ofSession, detached] = await make(page, server.ready);
      assert.ok([run, ofSession, detached].every(Boolean));
      await leave(page);
      const until = Date.now() + SETTLE_MS;
      for (let left = await running(); left.includes(run) || left.includes(ofSession); left = await running()) {
        assert.ok(Date.now() < until, "a sandbox outlived its page");
        await sleep(50);
      }
      assert.ok((await running()).includes(detached), "the detached one is gone");
      await jetway.Sandbox.delete(detached, { client });
      await context.close();
    });
  }
}
