// Servers behind HTTP/1.1 front ends: the connection is found out about once, and everything still works.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { after, before, test } from "node:test";

import { Client, Sandbox } from "../../target/npm/jetway/src/node.js";
import { startServer } from "../browser/server.mjs";

let server;
let front;
const refused = new Set();
before(async () => {
  server = await startServer();
  const { hostname, port } = new URL(server.ready.url);
  // Passes requests and answers on as they come; speaks nothing but HTTP/1.1.
  front = createServer((from, to) => {
    const headers = { ...from.headers, host: `${hostname}:${port}` };
    const onward = request({ hostname, port, path: from.url, method: from.method, headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      to.flushHeaders();
      answer.pipe(to);
    });
    onward.on("error", () => to.destroy());
    onward.flushHeaders();
    from.pipe(onward);
    to.on("close", () => onward.destroy());
  });
  front.on("clientError", (error, socket) => {
    if (error.rawPacket?.subarray(0, 14).toString() === "PRI * HTTP/2.0") refused.add(socket);
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise((done) => front.listen(0, "127.0.0.1", done));
});
after(async () => {
  front?.closeAllConnections();
  front?.close();
  await server?.stop();
});

test("calls and processes go over fetch, input over a full-duplex one, and HTTP/2 is tried once", async () => {
  const client = new Client({ baseUrl: `http://127.0.0.1:${front.address().port}`, auth: server.ready.token });
  const sandbox = await Sandbox.create({ client });
  const plain = sandbox.exec(["echo", "hi"]);
  assert.equal((await plain).stdout, "hi\n");
  assert.equal(plain.transport, "fetch");
  const talk = sandbox.exec(["cat"], { stdin: true });
  const lines = talk.lines();
  await talk.writeLine("one");
  assert.equal((await lines.next()).value, "one");
  await talk.writeLine("two");
  assert.equal((await lines.next()).value, "two");
  await talk.closeStdin();
  assert.equal((await talk).exitCode, 0);
  assert.equal(talk.transport, "duplex");
  await sandbox.writeFile("/tmp/a", "file");
  assert.equal(await sandbox.readFile("/tmp/a", { encoding: "utf8" }), "file");
  assert.equal(refused.size, 1);
  await sandbox.delete();
});

test("a forced HTTP/2 says that the server does not speak it", async () => {
  const baseUrl = `http://127.0.0.1:${front.address().port}`;
  const client = new Client({ baseUrl, auth: server.ready.token, transport: "http2" });
  await assert.rejects(Sandbox.create({ client }), { code: "network_error", message: /does not speak HTTP\/2/ });
});
