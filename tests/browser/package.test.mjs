// The package's suite (tests/js/suite.mjs) in Chromium: a page of the server's own origin that has nothing but the
// package. Its files are answered by the browser's driver; every call and every socket reaches the real server.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { suite } from "../js/suite.mjs";
import { openPage, startBrowser } from "./browser.mjs";
import { startServer } from "./server.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

let server;
let browser;
let page;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
  ({ page } = await openPage(browser));
  const { url, token } = server.ready;
  const { origin } = new URL(url);
  await page.route(`${origin}/__test/**`, async (route) => {
    const path = new URL(route.request().url()).pathname.slice("/__test/".length);
    const folder = path.startsWith("jetway/") ? join(ROOT, "target/npm") : join(ROOT, "tests");
    return route.fulfill({ contentType: TYPES[extname(path)], body: await readFile(join(folder, path)) });
  });
  // A document of the real server: Chromium lets one that the driver made up open no local socket.
  await page.goto(`${origin}/healthz`);
  await page.evaluate(
    async ({ url, token }) => {
      const jetway = await import("/__test/jetway/src/index.js");
      const cloud = await import("/__test/jetway/src/cloud.js");
      const { suite } = await import("/__test/js/suite.mjs");
      const rejections = [];
      addEventListener("unhandledrejection", (event) => rejections.push(String(event.reason)));
      const client = new jetway.Client({ auth: token });
      const sandbox = await jetway.Sandbox.create({ client });
      const unhandled = () => rejections;
      const context = { jetway, cloud, client, sandbox, url, token, page: true, duplex: "websocket", unhandled };
      window.runCase = (group, name) => suite[group][name](context).then(() => null, (error) => String(error.stack ?? error));
    },
    { url, token },
  );
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const [group, cases] of Object.entries(suite)) {
  describe(group, () => {
    for (const name of Object.keys(cases)) {
      test(name, { timeout: 60_000 }, async () => {
        const failure = await page.evaluate(([group, name]) => window.runCase(group, name), [group, name]);
        assert.equal(failure, null);
      });
    }
  });
}
