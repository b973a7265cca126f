// The package's suite (tests/js/suite.mjs) in Chromium.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { suite } from "../js/suite.mjs";
import { startBrowser } from "./browser.mjs";
import { openPackagePage } from "./package_page.mjs";
import { startServer } from "./server.mjs";

let server;
let browser;
let page;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
  const { url, token } = server.ready;
  ({ page } = await openPackagePage(browser, url));
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
