// An independent grpc-websockets client, improbable-eng's, as its users have it: against the server and through the proxy.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import grpcWeb from "@improbable-eng/grpc-web";
import { WebSocket } from "ws";

import * as jetway from "../../target/npm/jetway/src/node.js";
import { startProxy } from "../browser/proxy.mjs";
import { startServer } from "../browser/server.mjs";

// It takes the global one.
globalThis.WebSocket ??= WebSocket;
const { grpc } = grpcWeb;

let server;
let proxy;
let sandbox;
before(async () => {
  server = await startServer();
  proxy = await startProxy(server.ready.url, { key: server.ready.token });
  sandbox = await jetway.Sandbox.create({ client: new jetway.Client({ baseUrl: server.ready.url, auth: server.ready.token }) });
});
after(async () => {
  await proxy?.stop();
  await server?.stop();
});

/** A message as generated code has it, of bytes that are there already. */
const message = (bytes) => ({ serializeBinary: () => bytes, toObject: () => bytes });
const Raw = { deserializeBinary: (bytes) => ({ bytes, toObject: () => bytes }) };
const streamExec = {
  methodName: "StreamExec",
  service: { serviceName: "coreweave.sandbox.v1.SandboxService" },
  requestStream: true,
  responseStream: true,
  requestType: Raw,
  responseType: Raw,
};

const init = (id, command) => {
  const inner = new BinaryWriter().uint32(10).string(id);
  for (const word of command) inner.uint32(18).string(word);
  return message(new BinaryWriter().uint32(10).bytes(inner.finish()).finish());
};
/** Fields of the wire: the answer that is output, and its data. */
const [OUTPUT, DATA] = [2, 2];
const stdin = (text) => message(new BinaryWriter().uint32(18).bytes(new TextEncoder().encode(text)).finish());

/** The data of an answer that is output; empty for every other. */
function outputOf(bytes) {
  const reader = new BinaryReader(bytes);
  const [field] = reader.tag();
  const inner = new BinaryReader(reader.bytes());
  let text = "";
  while (field === OUTPUT && inner.pos < inner.len) {
    const [number, type] = inner.tag();
    if (number === DATA) text = new TextDecoder().decode(inner.bytes());
    else inner.skip(type);
  }
  return text;
}

/** Opens a call; `said` resolves with the output once it ends in `text`, `ended` with the status. */
function open(host, token, id, command) {
  let output = "";
  let heard;
  let end;
  const ended = new Promise((done) => (end = done));
  const metadata = [];
  const client = grpc.client(streamExec, { host, transport: grpc.WebsocketTransport() });
  client.onHeaders((headers) => metadata.push(headers));
  client.onMessage(({ bytes }) => {
    output += outputOf(bytes);
    heard?.();
  });
  client.onEnd((code, text, trailers) => end({ code, text, trailers }));
  client.start(new grpc.Metadata({ authorization: `Bearer ${token}` }));
  client.send(init(id, command));
  const said = async (text) => {
    while (!output.endsWith(text)) await new Promise((done) => (heard = done));
    return output;
  };
  return { client, said, ended, metadata };
}

const LIMIT = { timeout: 60_000 };

for (const name of ["the server", "the proxy"]) {
  describe(name, () => {
    let host;
    let token;
    before(async () => {
      const direct = name === "the server";
      host = direct ? server.ready.url : proxy.url;
      token = direct ? server.ready.token : (await proxy.mint({ sandboxIds: [sandbox.sandboxId] })).token;
    });

    test("a dialogue goes both ways and half-close is heard", LIMIT, async () => {
      const call = open(host, token, sandbox.sandboxId, ["sh", "-c", "while read x; do echo got $x; done; echo bye"]);
      call.client.send(stdin("one\n"));
      await call.said("got one\n");
      call.client.send(stdin("two\n"));
      await call.said("got two\n");
      call.client.finishSend();
      assert.equal(await call.said("bye\n"), "got one\ngot two\nbye\n");
      const { code } = await call.ended;
      assert.equal(code, grpc.Code.OK);
      assert.match(call.metadata[0].get("content-type")[0], /^application\/grpc-web/);
    });

    test("a refusal arrives as a status with its details", LIMIT, async () => {
      const call = open(host, "wrong", sandbox.sandboxId, ["true"]);
      const { code, trailers } = await call.ended;
      assert.equal(code, grpc.Code.Unauthenticated);
      assert.ok(trailers.has("grpc-status-details-bin") || call.metadata[0]?.has("grpc-status-details-bin"));
    });

    test("closing it ends the command", LIMIT, async () => {
      const call = open(host, token, sandbox.sandboxId, ["sh", "-c", "echo up; exec sleep 987654"]);
      await call.said("up\n");
      call.client.close();
      const gone = ["sh", "-c", "! grep -qs 98765[4] /proc/[0-9]*/cmdline"];
      while ((await sandbox.exec(gone)).exitCode !== 0);
    });
  });
}
