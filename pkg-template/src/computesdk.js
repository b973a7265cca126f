// A provider for ComputeSDK: its sandboxes are ours, by its words.

import { Client, Sandbox, SandboxCommandTimeoutError, SandboxNotFoundError, Snapshot } from "jetway";

const NAME = "jetway";
const WORKSPACE = "/workspace";
/** What ComputeSDK says of a command that its limit ended. */
const TIMED_OUT = 124;
const STATES = { failed: "error", unspecified: "error", completed: "stopped", terminated: "stopped", terminating: "stopped" };

/** A provider for `compute.setConfig({ provider: jetway({ … }) })`. */
export function jetway({ name = NAME, client, baseUrl, auth, tags, workspace, ...defaults } = {}) {
  const served = client ?? new Client({ baseUrl, auth });
  const provider = { name };
  const wrap = (sandbox) => new ProvidedSandbox(provider, sandbox);
  const found = async (act) => {
    try {
      return await act();
    } catch (error) {
      if (error instanceof SandboxNotFoundError) return null;
      throw error;
    }
  };
  provider.sandbox = {
    async create(options = {}) {
      return wrap(await Sandbox.create({ client: served, ...spec(defaults, options, tags, workspace) }));
    },
    getById: (sandboxId) => found(async () => wrap(await Sandbox.fromId(sandboxId, { client: served }))),
    list: async () => (await Sandbox.list({ client: served, tags })).map(wrap),
    destroy: (sandboxId) => Sandbox.delete(sandboxId, { client: served, missingOk: true }),
  };
  const shown = (snapshot) => ({
    id: snapshot.snapshotId,
    provider: name,
    createdAt: snapshot.createdAt ?? new Date(0),
    metadata: { status: snapshot.status, sizeBytes: snapshot.sizeBytes, sandboxId: snapshot.sourceSandboxId },
  });
  provider.snapshot = {
    // What a snapshot is called is the server's choice; `name` and `metadata` have no place there.
    create: async (sandboxId) => shown(await (await Sandbox.fromId(sandboxId, { client: served })).snapshot()),
    list: async () => (await Snapshot.list({ client: served })).map(shown),
    delete: (snapshotId) => Snapshot.delete(snapshotId, { client: served, missingOk: true }),
  };
  return provider;
}

/** ComputeSDK's options as ours. What it has for other providers only is left out, as it asks of every provider. */
function spec(defaults, options, tags, workspace) {
  const { timeout, templateId, snapshotId, metadata, envs, name, directory, signal, image, cpu, memory, memoryMiB, ports } = options;
  const mebibytes = memoryMiB ?? memory;
  const given = {
    image,
    template: templateId,
    env: envs && { ...defaults.env, ...envs },
    annotations: metadata && Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, String(value)])),
    displayName: name,
    cwd: directory,
    maxLifetimeSeconds: timeout === undefined ? undefined : Math.max(1, Math.ceil(timeout / 1000)),
    resources: cpu === undefined && mebibytes === undefined ? undefined : { cpu, memory: mebibytes && `${mebibytes}Mi` },
    services: ports?.map((port) => ({ port, visibility: "public" })),
    signal,
  };
  const place = workspace ?? (snapshotId === undefined ? undefined : WORKSPACE);
  if (place !== undefined) given.volumes = [...(defaults.volumes ?? []), { mountPath: place, snapshotId }];
  const own = Object.entries(given).filter(([, value]) => value !== undefined);
  return { tags, detached: true, ...defaults, ...Object.fromEntries(own) };
}

class ProvidedSandbox {
  #provider;
  #sandbox;

  constructor(provider, sandbox) {
    this.#provider = provider;
    this.#sandbox = sandbox;
    this.sandboxId = sandbox.sandboxId;
    this.provider = provider.name;
    const { files } = sandbox;
    this.filesystem = {
      readFile: (path) => files.readText(path),
      writeFile: (path, content) => files.write(path, content),
      readdir: async (path) => (await files.list(path)).map(entry),
      mkdir: (path) => files.mkdir(path),
      exists: (path) => files.exists(path),
      remove: (path) => files.remove(path, { recursive: true }),
    };
  }

  async runCommand(command, { cwd, env, timeout, background, onStdout, onStderr } = {}) {
    const started = performance.now();
    const line = background ? `nohup sh -c ${quoted(command)} >/dev/null 2>&1 </dev/null & :` : command;
    const process = this.#sandbox.runCommand(line, { cwd, env, timeoutMs: timeout });
    const outputs = await Promise.all([text(process, "stdout", onStdout), text(process, "stderr", onStderr)]);
    const [result, timedOut] = await process.then(
      (ended) => [ended, false],
      (error) => {
        if (!(error instanceof SandboxCommandTimeoutError)) throw error;
        return [error.result, true];
      },
    );
    const [stdout, stderr] = [outputs[0] ?? result?.stdout ?? "", outputs[1] ?? result?.stderr ?? ""];
    return { stdout, stderr, exitCode: timedOut ? TIMED_OUT : result.exitCode, durationMs: performance.now() - started };
  }

  async getInfo() {
    const state = await this.#sandbox.getStatus();
    return {
      id: this.sandboxId,
      provider: this.provider,
      status: STATES[state] ?? "running",
      createdAt: this.#sandbox.createdAt ?? new Date(0),
      // ComputeSDK's word for none.
      timeout: 0,
      metadata: { ...this.#sandbox.annotations, state },
    };
  }

  async getUrl({ port, protocol }) {
    const url = await this.#sandbox.url(port);
    return protocol === undefined ? url : url.replace(/^https?/, protocol);
  }

  destroy() {
    return this.#sandbox.delete({ missingOk: true });
  }

  getProvider() {
    return this.#provider;
  }

  /** The sandbox, with everything that this package can do. */
  getInstance() {
    return this.#sandbox;
  }
}

const entry = ({ name, type, size, modifiedAt }) => ({
  name,
  type: type === "directory" ? "directory" : "file",
  size,
  modified: modifiedAt,
});

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/** An output while somebody listens, and all of it at the end; undefined when nobody does. */
async function text(process, which, listener) {
  if (!listener) return undefined;
  const decoder = new TextDecoder();
  let all = "";
  const tell = (piece) => {
    if (piece === "") return;
    all += piece;
    listener(piece);
  };
  try {
    for await (const chunk of process[which]) tell(decoder.decode(chunk, { stream: true }));
  } catch {
    // The process's own end says what went wrong.
  }
  tell(decoder.decode());
  return all;
}
