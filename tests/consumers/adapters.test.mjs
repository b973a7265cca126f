// The subpaths that fit the package to others: ComputeSDK, OpenTelemetry and the official SDK's shape, each with the real
// package beside it, in a project that installed the packed one.
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startServer } from "../browser/server.mjs";
import { LIMIT_MS, createProject } from "./project.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PEERS = ["computesdk", "@opentelemetry/api", "@opentelemetry/core", "@opentelemetry/sdk-trace-base", "@opentelemetry/context-async-hooks"];

let server;
let project;
before(async () => {
  server = await startServer();
  project = await createProject();
  for (const name of PEERS) {
    const place = join(project.folder, "node_modules", name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(ROOT, "tests/consumers/node_modules", name), place);
  }
});
after(async () => {
  await server?.stop();
  await project?.remove();
});

/** What a program of the project tells, as JSON. */
async function told(name, text) {
  await project.write(name, text);
  const { url, token } = server.ready;
  const env = { ...process.env, CWSANDBOX_BASE_URL: url, CWSANDBOX_API_KEY: token, NO_COLOR: "1" };
  return JSON.parse(await project.output(process.execPath, [name], { env }));
}

test("ComputeSDK runs its sandboxes here", { timeout: LIMIT_MS }, async () => {
  const said = await told(
    "computesdk.mjs",
    `import { compute } from "computesdk";
import { jetway } from "jetway/computesdk";
const provider = jetway({ tags: ["computesdk"], workspace: "/workspace" });
compute.setConfig({ provider });
const sandbox = await compute.sandbox.create({ envs: { WHO: "Ada" }, metadata: { job: 7 }, timeout: 60_000 });
const heard = [];
const result = await sandbox.runCommand('echo "hi $WHO"; echo bad >&2; exit 3', { onStdout: (text) => heard.push(text) });
const late = await sandbox.runCommand("echo before; sleep 60", { timeout: 1500 });
const started = performance.now();
const behind = await sandbox.runCommand("sleep 1; echo later > /tmp/later", { background: true });
const waited = performance.now() - started;
while (!(await sandbox.filesystem.exists("/tmp/later")));
const { filesystem } = sandbox;
await filesystem.mkdir("/workspace/dir");
await filesystem.writeFile("/workspace/dir/a.txt", "text");
const listed = (await filesystem.readdir("/workspace/dir")).map(({ name, type, size }) => [name, type, size]);
const read = await filesystem.readFile("/workspace/dir/a.txt");
const snapshot = await compute.snapshot.create(sandbox.sandboxId);
await filesystem.remove("/workspace/dir");
const gone = await filesystem.exists("/workspace/dir");
const { status, provider: by, metadata } = await sandbox.getInfo();
const restored = await compute.sandbox.create({ snapshotId: snapshot.id });
const back = await restored.filesystem.readFile("/workspace/dir/a.txt");
const all = (await compute.sandbox.list()).length;
const found = (await compute.sandbox.getById(sandbox.sandboxId)).sandboxId === sandbox.sandboxId;
const none = await compute.sandbox.getById("none").catch((error) => error.message);
await Promise.all([sandbox.destroy(), compute.sandbox.destroy(restored.sandboxId)]);
await compute.snapshot.delete(snapshot.id);
const { durationMs, ...shown } = result;
console.log(JSON.stringify({ shown, timed: durationMs > 0, heard: heard.join(""), late: [late.exitCode, late.stdout], behind: behind.exitCode,
  quick: waited < 900, listed, read, gone, status, by, job: metadata.job, back, all, found, none }));
process.exit(0);`,
  );
  const { none, ...rest } = said;
  assert.deepEqual(rest, {
    shown: { stdout: "hi Ada\n", stderr: "bad\n", exitCode: 3 },
    timed: true,
    heard: "hi Ada\n",
    late: [124, "before\n"],
    behind: 0,
    quick: true,
    listed: [["a.txt", "file", 4]],
    read: "text",
    gone: false,
    status: "running",
    by: "jetway",
    job: "7",
    back: "text",
    all: 2,
    found: true,
  });
  assert.ok(none === null || /none/.test(none));
});

test("OpenTelemetry has a span of every attempt, below what is active, and the server the trace", { timeout: LIMIT_MS }, async () => {
  const said = await told(
    "telemetry.mjs",
    `import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { Client, Sandbox } from "jetway";
import { openTelemetry } from "jetway/opentelemetry";
const exporter = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
const sent = [];
const traced = openTelemetry({ attributes: { "service.part": "test" } });
const spied = (call) => {
  const after = traced(call);
  sent.push(call.headers.traceparent);
  return after;
};
const client = new Client({ interceptors: [spied] });
const tracer = trace.getTracer("test");
const parent = await tracer.startActiveSpan("work", async (span) => {
  const sandbox = await Sandbox.create({ client });
  await sandbox.exec(["true"]);
  await Sandbox.fromId("none", { client }).catch(() => {});
  await sandbox.delete();
  span.end();
  return span.spanContext();
});
const spans = exporter.getFinishedSpans().filter(({ name }) => name !== "work");
const shown = (name) => {
  const span = spans.find((span) => span.name === name);
  return span && { status: span.status.code, ...span.attributes, events: span.events.map(({ name }) => name) };
};
const failed = spans.find(({ attributes }) => attributes["error.type"]);
console.log(JSON.stringify({
  names: [...new Set(spans.map(({ name }) => name))].sort(), kind: spans[0].kind, failed: failed?.attributes["rpc.grpc.status_code"],
  create: shown("CreateSandbox"), below: spans.every((span) => span.spanContext().traceId === parent.traceId),
  headers: sent.every((header, at) => header.includes(parent.traceId)), events: failed?.events.map(({ name }) => name),
}));
process.exit(0);`,
  );
  assert.ok(["CreateSandbox", "GetSandbox", "StreamExec", "DeleteSandbox"].every((name) => said.names.includes(name)), said.names.join());
  assert.equal(said.kind, 2, "a client's span");
  assert.equal(said.failed, 5);
  assert.deepEqual(said.events, ["exception"]);
  assert.equal(said.create["rpc.system"], "grpc");
  assert.equal(said.create["rpc.method"], "CreateSandbox");
  assert.equal(said.create["rpc.grpc.status_code"], 0);
  assert.equal(said.create["service.part"], "test");
  assert.deepEqual([said.below, said.headers], [true, true]);
});

test("the official SDK's programs need another import only", { timeout: LIMIT_MS }, async () => {
  const said = await told(
    "cwsandbox.mjs",
    `import { CWSandboxExecutionError, CWSandboxNotFoundError, CWSandboxTransportError, createSandboxClientFromEnv, isCWSandboxError } from "jetway/cwsandbox";
const client = createSandboxClientFromEnv();
const seen = {};
const sandbox = await client.create({ environmentVariables: { WHO: "Ada" }, tags: ["facade"], fileSystemSnapshot: { mountPath: "/workspace" } });
const { stdout, exitCode, ok, failed, stdoutBytesProduced } = await sandbox.commands.run(["sh", "-c", "echo hi $WHO"]);
seen.run = { stdout, exitCode, ok, failed, stdoutBytesProduced };
seen.cwd = (await sandbox.exec(["pwd"], { cwd: "/tmp" })).stdout;
seen.check = await sandbox.exec(["false"], { check: true }).catch((error) => error instanceof CWSandboxExecutionError && error.result.exitCode);
const process1 = await sandbox.commands.start(["sh", "-c", "echo a; echo b >&2; cat"], { stdin: true });
await process1.stdin.writeln("typed");
await process1.stdin.close();
let streamed = "";
for await (const text of process1.stdout) streamed += text;
const ended = await process1.wait();
seen.start = [streamed, ended.stdout, ended.stderr, process1.status, process1.exitCode, process1.poll()];
await sandbox.files.write("/tmp/one", "1");
await sandbox.files.write({ "/tmp/two": "2", "/tmp/three": new Uint8Array([51]) });
seen.files = await sandbox.files.readText(["/tmp/one", "/tmp/two", "/tmp/three"]);
await sandbox.files.writeStream("/tmp/s", (function* () { yield new Uint8Array([97]); yield new Uint8Array([98]); })());
let bytes = 0;
for await (const chunk of sandbox.files.readStream("/tmp/s")) bytes += chunk.length;
seen.bytes = bytes;
await sandbox.files.write("/workspace/kept", "kept");
const snapshot = await sandbox.snapshot();
seen.snapshot = [snapshot.state, (await client.getSnapshot(snapshot.snapshotId)).state];
const copy = await client.create({ volumes: [{ name: "w", mountPath: "/w", restoreFromSnapshotId: snapshot.snapshotId }], tags: ["facade"] });
seen.restored = await copy.files.readText("/w/kept");
const first = await client.list({ tags: ["facade"], pageSize: 1 });
const second = await client.list({ pageToken: first.nextPageToken });
seen.pages = [first.sandboxes.length, second.sandboxes.length, second.nextPageToken ?? null];
seen.all = (await client.listAll({ tags: ["facade"] })).length;
const terminal = await sandbox.shell({ command: ["sh"] });
await terminal.stdin.write("exit 5\\n");
seen.terminal = (await terminal.wait()).exitCode;
const main = await client.run(["sh", "-c", "echo one; echo two; exit 4"]);
await main.wait({ targetStatus: "terminal" });
seen.main = [main.status, main.exitCode, await main.logs.read()];
const entries = [];
for await (const { line, offset } of await main.logs.streamEntries()) entries.push([line, Number(offset) > 0]);
seen.entries = entries;
const missing = await client.get("none").catch((error) => error);
seen.missing = [missing instanceof CWSandboxNotFoundError, missing instanceof CWSandboxTransportError, isCWSandboxError(missing)];
await client.delete("none", { missingOk: true });
seen.inside = await client.withSandbox(async (inner) => (await inner.exec(["echo", "in"])).stdout);
await client.deleteSnapshot(snapshot.snapshotId);
await client.deleteSnapshot(snapshot.snapshotId, { missingOk: true });
await Promise.all([sandbox.stop({ gracefulShutdownSeconds: 0 }), copy.delete()]);
seen.stopped = (await client.get(sandbox.sandboxId)).status;
console.log(JSON.stringify(seen));
process.exit(0);`,
  );
  const { stopped, ...rest } = said;
  assert.deepEqual(rest, {
    run: { stdout: "hi Ada\n", exitCode: 0, ok: true, failed: false, stdoutBytesProduced: 7 },
    cwd: "/tmp\n",
    check: 1,
    start: ["a\ntyped\n", "a\ntyped\n", "b\n", "exited", 0, 0],
    files: { "/tmp/one": "1", "/tmp/two": "2", "/tmp/three": "3" },
    bytes: 2,
    snapshot: ["ready", "ready"],
    restored: "kept",
    pages: [1, 1, null],
    all: 2,
    terminal: 5,
    main: ["completed", 4, ["one", "two"]],
    entries: [["one", true], ["two", true]],
    missing: [true, true, true],
    inside: "in\n",
  });
  assert.match(stopped, /^(terminated|completed)$/);
});

test("their types fit the peers' own", { timeout: LIMIT_MS }, async () => {
  await project.write(
    "types.mts",
    `import { compute } from "computesdk";
import type { Tracer } from "@opentelemetry/api";
import { Client, type Interceptor, Sandbox } from "jetway";
import { jetway } from "jetway/computesdk";
import { type SandboxClient, CWSandboxError, createSandboxClient } from "jetway/cwsandbox";
import { openTelemetry } from "jetway/opentelemetry";
const provider = jetway({ baseUrl: "http://127.0.0.1:1", auth: "t", image: "node:22" });
compute.setConfig({ provider });
export const instance: Promise<Sandbox> = provider.sandbox.create({ image: "a", ports: [80] }).then((made) => made.getInstance());
export const traced = (tracer: Tracer): Interceptor => openTelemetry({ tracer });
export const client = new Client({ interceptors: [openTelemetry()] });
export const facade: SandboxClient = createSandboxClient({ apiKey: "k" });
export async function use(): Promise<string> {
  const sandbox = await facade.create({ containerImage: "python:3.11", waitUntilRunning: false });
  const process = await sandbox.commands.start(["cat"], { stdin: true });
  await process.stdin.writeln("x");
  const plain = await sandbox.commands.start(["cat"]);
  // @ts-expect-error not without stdin
  void plain.stdin;
  // @ts-expect-error an option of ours, not of theirs
  await facade.create({ image: "x" });
  return facade.withSandbox((inner) => inner.sandboxId);
}
export const known = (error: unknown): string => (error instanceof CWSandboxError ? error.code : "");
`,
  );
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,esnext.disposable,dom,dom.asynciterable", "--types", "", "--skipLibCheck", "--preserveSymlinks"];
  const said = await project.output(join(ROOT, "tests/node_modules/.bin/tsc"), [...options, "types.mts"]).catch((error) => error.stdout ?? String(error));
  assert.equal(said, "");
});
