// A page of another origin that has the package and its suite, and one test for each of its cases. Must not know what
// stands between the page and the server.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { suite } from "../js/suite.mjs";
import { openPage } from "./browser.mjs";

/** Opens it; `ready` says where the page's calls go and as whom. */
export async function openSuite(browser, site, ready) {
  const uncaught = [];
  const { page } = await openPage(browser);
  page.on("pageerror", (error) => uncaught.push(`${error.stack ?? error}`));
  await page.goto(site.origin);
  await page.waitForFunction(() => globalThis.suite !== undefined);
  await page.evaluate(prepare, ready);
  return { page, uncaught };
}

/** In the page: what the cases get. Input goes by WebSocket, the one way that browsers have. */
async function prepare({ url, token, htmlUrl }) {
  const { jetway, cloud, rejections } = globalThis;
  const client = new jetway.Client({ baseUrl: url, auth: token });
  const sandbox = await jetway.Sandbox.create({ client });
  const unhandled = () => rejections;
  globalThis.context = { jetway, cloud, client, sandbox, url, token, page: true, duplex: "websocket", htmlUrl, unhandled };
}

/** A test for every case, in what `opened()` gives by then. */
export function describeSuite(opened, groups = Object.keys(suite)) {
  for (const group of groups) {
    describe(group, () => {
      for (const name of Object.keys(suite[group])) {
        test(name, { timeout: 60_000 }, async () => {
          const { page, uncaught } = opened();
          await page.evaluate(([group, name]) => globalThis.suite[group][name](globalThis.context), [group, name]);
          assert.deepEqual(uncaught, [], "errors that nobody caught");
        });
      }
    });
  }
}
