// The package on a page of another origin, where every call and every socket has to be allowed first: the whole suite
// where the server allows the origin, and what a person is told where it does not.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { describeSuite, openSuite } from "./elsewhere.mjs";
import { startServer } from "./server.mjs";
import { serveHtml, serveSite } from "./site.mjs";

let site;
let html;
let server;
let browser;
let opened;

before(async () => {
  [site, html, browser] = await Promise.all([serveSite(), serveHtml(), startBrowser()]);
  server = await startServer(["--allow-origin", site.origin]);
  opened = await openSuite(browser, site, { ...server.ready, htmlUrl: html.origin });
});

after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), site?.stop(), html?.stop()]);
});

describe("from an origin that the server allows", () => describeSuite(() => opened));

describe("from an origin that the server does not allow", () => {
  test("calls and sockets are refused, and the error says so and what to do", async () => {
    const strict = await startServer();
    try {
      const told = await opened.page.evaluate(async ({ url, token }) => {
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
