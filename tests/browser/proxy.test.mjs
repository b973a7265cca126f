// A page that reaches the server through `jetway proxy`: the whole suite with a token that the proxy made, and what a
// token for one sandbox is good for. The account's key stays on the proxy.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { suite } from "../js/suite.mjs";
import { startBrowser } from "./browser.mjs";
import { describeSuite, openSuite } from "./elsewhere.mjs";
import { startProxy } from "./proxy.mjs";
import { startServer } from "./server.mjs";
import { serveHtml, serveSite } from "./site.mjs";

let site;
let html;
let server;
let proxy;
let other;
let forwarding;
let browser;
let opened;
let own;

before(async () => {
  [site, html, server, browser] = await Promise.all([serveSite(), serveHtml(), startServer(), startBrowser()]);
  proxy = await startProxy(server.ready.url, { key: server.ready.token, options: ["--allow-origin", site.origin] });
  const { token } = await proxy.mint({ everything: true });
  opened = await openSuite(browser, site, { url: proxy.url, token, htmlUrl: html.origin });
  // A server of its own: cases count the sandboxes there are.
  other = await startServer();
  forwarding = await startProxy(other.ready.url, { options: ["--allow-origin", site.origin] });
  own = await openSuite(browser, site, { ...other.ready, url: forwarding.url, htmlUrl: html.origin });
});

after(async () => {
  await browser?.close();
  await Promise.all([proxy?.stop(), forwarding?.stop()]);
  await Promise.all([server?.stop(), other?.stop(), site?.stop(), html?.stop()]);
});

/** Tokens that the server itself makes for its users are none of the proxy's. */
const OWN = ["cloud"];
describe("with a token of the proxy's", () => describeSuite(() => opened, Object.keys(suite).filter((group) => !OWN.includes(group))));
describe("with credentials of the server's, which pass through", () => describeSuite(() => own, [...OWN, "stdin", "errors"]));

describe("a token for one sandbox", () => {
  test("is good for everything in it and for nothing else, and is got again before it ends", async () => {
    // What an operator's route does when a page asks.
    let minted = 0;
    const ids = await opened.page.evaluate(async () => {
      const { client } = globalThis.context;
      const [own, other] = await Promise.all([0, 1].map(() => globalThis.jetway.Sandbox.create({ client })));
      return [own.sandboxId, other.sandboxId];
    });
    await opened.page.exposeFunction("tokenRoute", () => {
      minted += 1;
      return proxy.mint({ sandboxIds: [ids[0]], ttlSeconds: 3 });
    });
    const told = await opened.page.evaluate(async ({ url, own, other }) => {
      const { Client, Sandbox } = globalThis.jetway;
      const client = new Client({ baseUrl: url, auth: () => globalThis.tokenRoute() });
      const sandbox = await Sandbox.fromId(own, { client });
      const talk = sandbox.exec(["cat"], { stdin: true });
      await talk.write("typed");
      await talk.closeStdin();
      const typed = await talk.text();
      await sandbox.writeFile("/tmp/x", "text");
      const read = await sandbox.readFile("/tmp/x", { encoding: "utf8" });
      const refused = async (act) => act().then(() => "went through", (error) => `${error.code} ${error.reason}`);
      const refusals = await Promise.all([
        refused(() => Sandbox.fromId(other, { client })),
        refused(() => Sandbox.create({ client })),
        refused(async () => Sandbox.list({ client })),
        refused(() => Sandbox.delete(other, { client })),
      ]);
      const until = Date.now() + 3500;
      let alive;
      while (Date.now() < until) {
        alive = await sandbox.getStatus();
        await new Promise((done) => setTimeout(done, 200));
      }
      return { typed, read, refusals, alive };
    }, { url: proxy.url, own: ids[0], other: ids[1] });
    assert.deepEqual([told.typed, told.read, told.alive], ["typed", "text", "running"]);
    assert.deepEqual(told.refusals, Array(4).fill("authentication_error CWSANDBOX_OUT_OF_SCOPE"));
    assert.ok(minted > 1, "the token was got once only");
  });

  test("neither the log nor an answer holds the account's key", async () => {
    assert.ok(!proxy.log().includes(server.ready.token));
    const answer = await fetch(`${proxy.url}/tokens`, { method: "POST", body: "{}" });
    assert.equal(answer.status, 401);
    assert.ok(!(await answer.text()).includes(server.ready.token));
    assert.match(await proxy.metrics(), /^jetway_proxy_calls_total [1-9]/m);
  });
});
