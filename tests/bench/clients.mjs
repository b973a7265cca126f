// The three ways to read a stream of output that are compared. The same code runs in Node and in a page; it must not
// know which, nor what is done with the figures.
import { createFileRegistry, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const SERVICE = "coreweave.sandbox.v1.SandboxService";

/** The service as connect-web can call it: fetch has no client streams, so StreamExec becomes a server stream. */
export async function loadService(sourceUrl) {
  const response = await fetch(`${sourceUrl}/descriptors`);
  if (!response.ok) throw new Error(`${sourceUrl}/descriptors answered ${response.status}`);
  const set = fromBinary(FileDescriptorSetSchema, new Uint8Array(await response.arrayBuffer()));
  for (const file of set.file) {
    for (const service of file.service) {
      for (const method of service.method) method.clientStreaming = false;
    }
  }
  const registry = createFileRegistry(set);
  return { service: registry.getService(SERVICE), request: registry.getMessage("coreweave.sandbox.v1.ExecStreamRequest") };
}

/** One init message, which is all that a command without stdin needs. */
function init(request, sandboxId, command) {
  return create(request, { message: { case: "init", value: { sandboxId, command } } });
}

/** Plain fetch of the same response: what the platform can do at best. Counts the frame heads too. */
export function rawFetch({ baseUrl, token, request }) {
  const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", ...bearer(token) };
  return async (sandboxId, command, onChunk) => {
    const message = toBinary(request, init(request, sandboxId, command));
    const body = new Uint8Array(5 + message.length);
    new DataView(body.buffer).setUint32(1, message.length);
    body.set(message, 5);
    const response = await fetch(`${baseUrl}/${SERVICE}/StreamExec`, { method: "POST", headers, body });
    if (!response.ok || response.headers.get("grpc-status")) {
      throw new Error(`fetch: HTTP ${response.status}, grpc-status ${response.headers.get("grpc-status")}`);
    }
    return drain(response.body, onChunk);
  };
}

/** connect-web with protobuf-es: the field's gRPC-web client for browsers. */
export function connectWeb({ baseUrl, token, service, request }) {
  const authorize = (next) => (call) => {
    for (const [name, value] of Object.entries(bearer(token))) call.header.set(name, value);
    return next(call);
  };
  const client = createClient(service, createGrpcWebTransport({ baseUrl, interceptors: [authorize] }));
  return async (sandboxId, command, onChunk) => {
    let bytes = 0;
    for await (const { message } of client.streamExec(init(request, sandboxId, command))) {
      if (message.case !== "output") continue;
      bytes += message.value.data.byteLength;
      onChunk?.(message.value.data);
    }
    return bytes;
  };
}

/** Our package, as its user writes it; `byReader` takes the stream's own reader instead. `transport` forces a rung. */
export async function jetway({ package: { Client, Sandbox }, baseUrl, token, transport, byReader }) {
  const client = new Client({ baseUrl, transport, ...(token ? { auth: token } : {}) });
  const attached = new Map();
  return async (sandboxId, command, onChunk) => {
    if (!attached.has(sandboxId)) attached.set(sandboxId, await Sandbox.fromId(sandboxId, { client }));
    const process = attached.get(sandboxId).exec(command);
    const bytes = await (byReader ? drain : iterate)(process.stdout, onChunk);
    const { exitCode } = await process;
    if (exitCode !== 0) throw new Error(`jetway: the command ended with ${exitCode}`);
    return bytes;
  };
}

function bearer(token) {
  return token ? { authorization: `Bearer ${token}` } : {};
}

async function drain(stream, onChunk) {
  const reader = stream.getReader();
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes += value.byteLength;
    onChunk?.(value);
  }
}

async function iterate(stream, onChunk) {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    onChunk?.(chunk);
  }
  return bytes;
}
