// The suite in Node: whole over the default transport, and what carries bytes over every other.
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import * as cloud from "../../target/npm/jetway/src/cloud.js";
import * as jetway from "../../target/npm/jetway/src/node.js";
import { startServer } from "../browser/server.mjs";
import { suite } from "./suite.mjs";

const rejections = [];
process.on("unhandledRejection", (reason) => rejections.push(reason));

let server;
const html = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!DOCTYPE html><p>hello"));
const silent = createServer(() => {});
before(async () => {
  server = await startServer();
  for (const other of [html, silent]) await new Promise((done) => other.listen(0, "127.0.0.1", done));
});
after(async () => {
  await server?.stop();
  for (const other of [html, silent]) {
    other.closeAllConnections();
    other.close();
  }
});

const EVERYTHING = Object.keys(suite);
const runs = [
  { transport: "auto", duplex: "http2", groups: EVERYTHING },
  { transport: "duplex", duplex: "duplex", groups: ["exec", "stdin", "terminal", "files"] },
  { transport: "fetch", groups: ["exec", "files", "code", "logs"] },
];
if (typeof WebSocket === "function") runs.push({ transport: "websocket", duplex: "websocket", groups: ["stdin", "terminal"] });

for (const { transport, duplex, groups } of runs) {
  describe(`over ${transport}`, () => {
    let context;
    before(async () => {
      const { url, token } = server.ready;
      const client = new jetway.Client({ baseUrl: url, auth: token, transport });
      const sandbox = await jetway.Sandbox.create({ client });
      const [htmlUrl, silentUrl] = [html, silent].map((other) => `http://127.0.0.1:${other.address().port}`);
      const unhandled = () => rejections;
      context = { jetway, cloud, client, sandbox, url, token, page: false, duplex, htmlUrl, silentUrl, unhandled };
    });
    after(() => context?.sandbox.delete());
    for (const group of groups) {
      describe(group, () => {
        for (const [name, run] of Object.entries(suite[group])) test(name, { timeout: 60_000 }, () => run(context));
      });
    }
  });
}
