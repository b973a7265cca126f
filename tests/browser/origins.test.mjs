// The package on a page of another origin, where every call and every socket has to be allowed first: the whole suite
// where the server allows the origin, and what a person is told where it does not.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { suite } from "../js/suite.mjs";
import { openPage, startBrowser } from "./browser.mjs";
import { startServer } from "./server.mjs";
import { serveHtml, serveSite } from "./site.mjs";

let site;
let html;
let server;
let browser;
let page;
const uncaught = [];

before(async () => {
  [site, html, browser] = await Promise.all([serveSite(), serveHtml(), startBrowser()]);
  server = await startServer(["--allow-origin", site.origin]);
  ({ page } = await openPage(browser));
  page.on("pageerror", (error) => uncaught.push(`${error.stack ?? error}`));
  await page.goto(site.origin);
  await page.waitForFunction(() => globalThis.suite !== undefined);
  await page.evaluate(prepare, { ...server.ready, htmlUrl: html.origin });
});

after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), site?.stop(), html?.stop()]);
});

/** In the page: what the cases get. Input goes by WebSocket, the one way that browsers have. */
async function prepare({ url, token, htmlUrl }) {
  const { jetway, cloud, rejections } = globalThis;
  const client = new jetway.Client({ baseUrl: url, auth: token });
  const sandbox = await jetway.Sandbox.create({ client });
  const unhandled = () => rejections;
  globalThis.context = { jetway, cloud, client, sandbox, url, token, page: true, duplex: "websocket", htmlUrl, unhandled };
}

describe("from an origin that the server allows", () => {
  for (const [group, cases] of Object.entries(suite)) {
    describe(group, () => {
      for (const name of Object.keys(cases)) {
        test(name, { timeout: 60_000 }, async () => {
          await page.evaluate(([group, name]) => globalThis.suite[group][name](globalThis.context), [group, name]);
          assert.deepEqual(uncaught, [], "errors that nobody caught");
        });
      }
    });
  }
});

describe("from an origin that the server does not allow", () => {
  test("calls and sockets are refused, and the error says so and what to do", async () => {
    const strict = await startServer();
    try {
      const told = await page.evaluate(async ({ url, token }) => {
        const { Client, Sandbox } = globalThis.jetway;
        const client = new Client({ baseUrl: url, auth: token });
        const failure = await Sandbox.create({ client }).then(() => undefined, (error) => error);
        const socket = new WebSocket(url.replace("http", "ws") + "/coreweave.sandbox.v1.SandboxService/StreamExec", "grpc-websockets");
        const opened = await new Promise((done) => {
          socket.onopen = () => done(true);
          socket.onclose = () => done(false);
        });
        return { code: failure?.code, text: `${failure?.message} ${failure?.hint}`, opened };
      }, strict.ready);
      assert.match(told.code ?? "no error", /network_error|configuration_error|authentication_error/);
      assert.match(told.text, /origin/i);
      assert.equal(told.opened, false, "a page of any origin can open sockets to the server");
    } finally {
      await strict.stop();
    }
  });
});
