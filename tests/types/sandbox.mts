// What a sandbox takes and gives. Never run: `tsc` is the test, and each `@ts-expect-error` must be one.
import { Client, Sandbox, SandboxStatus, configure } from "jetway";
import type { RunOptions, SandboxList } from "jetway";
import { type Same, is } from "./is.mjs";

export async function right(): Promise<void> {
  configure({ baseUrl: "http://127.0.0.1:1", auth: () => ({ token: "t", expiresInMs: 1000 }) });
  const client = new Client({ auth: async () => ({ headers: { "x-api-key": "k" } }), transport: "auto" });

  const sandbox = Sandbox.run();
  is<Same<typeof sandbox, Sandbox>>();
  Sandbox.run("echo", "hi");
  Sandbox.run("echo", "hi", { tags: ["a"] });
  Sandbox.run(["echo", "hi"], { client, env: { A: "1", B: undefined }, cwd: null, tags: null });
  Sandbox.run({ image: "node:22", resources: { cpu: 2, memory: "1Gi" }, mountedFiles: { "/a": "text", "/b": new Uint8Array() } });
  Sandbox.run({ mountedFiles: [{ path: "/a", content: "text" }], maxLifetimeSeconds: 60 });

  // It is not a promise: awaiting it gives itself.
  const awaited = await sandbox;
  is<Same<typeof awaited, Sandbox>>();
  const created = await Sandbox.create({ signal: AbortSignal.timeout(1) });
  is<Same<typeof created, Sandbox>>();
  is<Same<Awaited<ReturnType<typeof sandbox.wait>>, Sandbox>>();

  const id = sandbox.sandboxId;
  is<Same<typeof id, string | undefined>>();
  const status: SandboxStatus = sandbox.status;
  if (status === SandboxStatus.RUNNING) status satisfies "running";
  sandbox.startedAt?.getTime();
  sandbox.exitCode?.toFixed();

  const list = Sandbox.list({ status: "running", tags: ["a"], client });
  is<Same<typeof list, SandboxList>>();
  const all = await list;
  is<Same<typeof all, Sandbox[]>>();
  for await (const one of list) is<Same<typeof one, Sandbox>>();
  for await (const page of list.byPage()) is<Same<typeof page, Sandbox[]>>();

  const bytes = await sandbox.readFile("/a");
  is<Same<typeof bytes, Uint8Array>>();
  const text = await sandbox.readFile("/a", { encoding: "utf8" });
  is<Same<typeof text, string>>();
  await sandbox.writeFile("/a", new Blob(["x"]));
  await sandbox.writeFile("/a", new ReadableStream<Uint8Array>());

  const used = await Sandbox.use({}, async (inside) => (await inside.exec(["ls"])).exitCode);
  is<Same<typeof used, number>>();
  await using disposed = Sandbox.run();
  await disposed.stop({ gracefulShutdownSeconds: 0, missingOk: true });
  const options: RunOptions = { image: "host" };
  void options;
}

export function wrong(sandbox: Sandbox): void {
  // @ts-expect-error only the static functions make one
  new Sandbox();
  // @ts-expect-error an option that does not exist
  Sandbox.run({ img: "host" });
  // @ts-expect-error options come last
  Sandbox.run({ image: "host" }, "echo");
  // @ts-expect-error a number is no argument
  Sandbox.run(["sleep", 1]);
  // @ts-expect-error tags are several
  Sandbox.run({ tags: "a" });
  // @ts-expect-error not a status that can be asked for
  Sandbox.list({ status: "unspecified" });
  // @ts-expect-error a property that only the server changes
  sandbox.status = "running";
  // @ts-expect-error bytes are asked for by leaving the encoding out
  void sandbox.readFile("/a", { encoding: "latin1" });
  // @ts-expect-error a file is not a number
  void sandbox.writeFile("/a", 5);
  // @ts-expect-error a duration, in milliseconds
  void sandbox.wait({ timeoutMs: "5s" });
  // @ts-expect-error a token is no number
  new Client({ auth: 5 });
  // @ts-expect-error a transport that does not exist
  new Client({ transport: "quic" });
  // @ts-expect-error a sandbox is not thenable
  sandbox.then;
}

// Several containers, and compose files.
const probe = { exec: ["true"], periodSeconds: 1 };
Sandbox.run({ containers: [{ name: "a", command: "sleep", args: ["1"], startupProbe: probe }, { name: "b", image: "redis:7", primary: true }] });
Sandbox.run({ startupProbe: probe, imagePullCredentials: { registry: "ghcr.io", store: "s", path: "p" }, resources: { gpu: 1 }, tempDir: "/var/tmp" });
Sandbox.run({ resources: { cpu: 1, gpu: { count: 2, type: "A100" } } });
const composed: Sandbox = Sandbox.fromFile("services: {}", { primaryService: "a", imageOverrides: { a: "b" } });
composed.displayName satisfies string | undefined;
// @ts-expect-error a container has a name
Sandbox.run({ containers: [{ image: "a" }] });
// @ts-expect-error a probe has a command
Sandbox.run({ startupProbe: { periodSeconds: 1 } });
// @ts-expect-error the file says which images there are
Sandbox.fromFile("services: {}", { image: "a" });
