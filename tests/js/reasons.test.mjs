// What servers say goes wrong becomes the class and the hint that the core's tables have, over the wire; and an error is
// an instance of its class whichever copy of the package made it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import * as jetway from "../../target/npm/jetway/src/node.js";

const source = (path) => readFile(fileURLToPath(new URL(`../../src/error/${path}.rs`, import.meta.url)), "utf8");

/** What the next call is refused with. */
let refusal;
let client;
const server = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(200, { "content-type": "application/grpc-web+proto", ...refusal }).end());
});
before(async () => {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  client = new jetway.Client({ baseUrl: `http://127.0.0.1:${server.address().port}`, auth: "x", transport: "fetch", retry: false });
});
after(() => server.close());

/** A field of a protobuf message: a number below 16, and bytes or text. */
const field = (number, bytes) => {
  const body = Buffer.from(bytes);
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), body]);
};

/** grpc-status-details-bin with an ErrorInfo. */
function errorInfo(reason, domain = "cwsandbox.com") {
  const info = Buffer.concat([field(1, reason), field(2, domain)]);
  const any = Buffer.concat([field(1, "type.googleapis.com/google.rpc.ErrorInfo"), field(2, info)]);
  return field(3, any).toString("base64").replace(/=+$/, "");
}

async function refused(code, details) {
  refusal = { "grpc-status": String(code), "grpc-message": "no", ...(details && { "grpc-status-details-bin": details }) };
  return jetway.Sandbox.fromId("sb-1", { client }).then(() => assert.fail("it was not refused"), (error) => error);
}

test("every reason of the table is its class, with something to do", async () => {
  const rows = [...(await source("reason")).matchAll(/^ {4}"(\w+)": (\w+),\s*(?:Some\(\s*"((?:[^"\\]|\\.)*)"\s*,?\s*\)|None);/gm)];
  assert.ok(rows.length > 50, `only ${rows.length} reasons were found`);
  const kinds = new Map([...(await source("kind")).matchAll(/^ {4}(\w+):\s*"(\w+)",\s*"(\w+)"/gm)].map(([, kind, code, name]) => [kind, { code, name }]));
  for (const [, reason, kind, hint] of rows) {
    const error = await refused(9, errorInfo(`CWSANDBOX_${reason}`));
    const { code, name } = kinds.get(kind);
    assert.equal(error.constructor, jetway[name], `${reason}: ${error}`);
    assert.equal(error.code, code);
    assert.equal(error.reason, `CWSANDBOX_${reason}`);
    assert.equal(error.operation, "GetSandbox");
    assert.ok(error.hint?.length > 10, `${reason} says nothing to do`);
    if (hint) assert.equal(error.hint, hint.replaceAll('\\"', '"'));
  }
});

test("a reason of somebody else's domain is shown and not believed", async () => {
  const error = await refused(5, errorInfo("CWSANDBOX_VOLUME_IN_USE", "example.com"));
  assert.equal(error.constructor, jetway.SandboxNotFoundError);
  assert.equal(error.reason, "CWSANDBOX_VOLUME_IN_USE");
  assert.equal(error.domain, "example.com");
});

test("bare codes are read by their call", async () => {
  const classes = {
    1: "SandboxNotRunningError", 3: "SandboxValidationError", 4: "SandboxRequestTimeoutError", 5: "SandboxNotFoundError",
    7: "AuthenticationError", 8: "SandboxResourceExhaustedError", 12: "NotSupportedError", 13: "SandboxError",
    14: "SandboxUnavailableError", 16: "AuthenticationError",
  };
  for (const [code, name] of Object.entries(classes)) {
    const error = await refused(code);
    assert.equal(error.constructor.name, name, `code ${code}`);
    assert.equal(error.grpcCode, Number(code));
  }
});

test("an error is an instance of its class in every copy of the package", async () => {
  const copy = await import("../../target/npm/jetway/src/errors.js?another");
  const common = createRequire(import.meta.url)("../../target/npm/jetway/src/node.cjs");
  assert.notEqual(copy.SandboxNotFoundError, jetway.SandboxNotFoundError);
  assert.notEqual(common.SandboxNotFoundError, jetway.SandboxNotFoundError);
  const error = await refused(5);
  for (const { SandboxNotFoundError, SandboxError, JetwayError, SandboxFileError, NetworkError } of [jetway, copy, common]) {
    assert.ok(error instanceof SandboxNotFoundError && error instanceof SandboxError && error instanceof JetwayError);
    assert.ok(!(error instanceof SandboxFileError) && !(error instanceof NetworkError));
    for (const other of [null, undefined, 5, "x", {}, new Error("x"), new TypeError("x")]) {
      assert.ok(!(other instanceof JetwayError), `${other} is none`);
    }
  }
  class Mine extends jetway.SandboxNotFoundError {}
  assert.ok(!(error instanceof Mine), "a class that somebody derived is their own");
  assert.ok(new Mine("x") instanceof Mine && new Mine("x") instanceof copy.SandboxError);
});
