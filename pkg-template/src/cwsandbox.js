// The official Node SDK's shape (`createSandboxClient` and what it gives), so that its programs need another import only.

import {
  Client, ConfigurationError, DEFAULT_BASE_URL, JetwayError, Sandbox, SandboxNotFoundError, Snapshot, SnapshotNotFoundError,
  wandb,
} from "jetway";
import { logsOf, processOf, resultOf, terminalOf } from "./cwsandbox_streams.js";

export * from "./cwsandbox_errors.js";
export { DEFAULT_BASE_URL };
export { DEFAULT_CONTAINER_IMAGE, DEFAULT_GRACEFUL_SHUTDOWN_SECONDS } from "jetway";

export const DEFAULT_KEEP_ALIVE_COMMAND = Object.freeze(["/bin/sh", "-lc", "trap 'exit 0' TERM INT; sleep infinity & wait"]);
export const DEFAULT_SNAPSHOT_TIMEOUT_MS = 600_000;
export const DEFAULT_LIST_ALL_TIMEOUT_MS = 300_000;
/** Lists that may be gone on with, the oldest is forgotten. */
const MOST_LISTS = 100;

/** A client with an API key; with `entity` or `project`, of a W&B account. */
export function createSandboxClient({ apiKey, baseUrl, entity, project, client } = {}) {
  if (client !== undefined) return new SandboxClient(client);
  const key = apiKey?.trim();
  if (!key) throw new ConfigurationError("CWSandbox API key is required: give apiKey, or set CWSANDBOX_API_KEY");
  const auth = entity === undefined && project === undefined ? key : wandb({ apiKey: key, entity: entity ?? "", project });
  return new SandboxClient(new Client({ baseUrl: baseUrl?.trim() || DEFAULT_BASE_URL, auth }));
}

/** A client by `CWSANDBOX_API_KEY` and `CWSANDBOX_BASE_URL`. */
export function createSandboxClientFromEnv(env = globalThis.process?.env ?? {}) {
  return createSandboxClient({ apiKey: env.CWSANDBOX_API_KEY, baseUrl: env.CWSANDBOX_BASE_URL });
}

class SandboxClient {
  #client;
  #lists = new Map();
  #token = 0;

  constructor(client) {
    this.#client = client;
  }

  create(options) {
    return this.#start(undefined, options);
  }

  run(command, options) {
    return this.#start(command, options);
  }

  async #start(command, { waitUntilRunning = true, signal, timeoutMs, ...options } = {}) {
    const spec = { ...runOptions(options), client: this.#client, signal, requestTimeoutMs: timeoutMs };
    const sandbox = command === undefined ? Sandbox.run(spec) : Sandbox.run(command, spec);
    await (waitUntilRunning ? sandbox.wait({ signal, timeoutMs }) : sandbox.start({ signal, timeoutMs }));
    return new FacadeSandbox(sandbox);
  }

  async get(sandboxId, options) {
    return info(await this.#found(sandboxId, options));
  }

  async fromId(sandboxId, options) {
    return new FacadeSandbox(await this.#found(sandboxId, options));
  }

  #found(sandboxId, options) {
    return Sandbox.fromId(sandboxId, { ...options, client: this.#client });
  }

  /** One page. Its token is good for this client only, and once. */
  async list({ pageToken, ...filter } = {}) {
    let pages = this.#lists.get(pageToken);
    if (pageToken !== undefined && pages === undefined) throw new JetwayError("list: this pageToken is not of this client, or was used");
    this.#lists.delete(pageToken);
    pages ??= ahead(this.#pages(filter));
    const { page, last } = await pages.next();
    const sandboxes = page.map(info);
    if (last) return { sandboxes };
    const nextPageToken = String((this.#token += 1));
    this.#lists.set(nextPageToken, pages);
    if (this.#lists.size > MOST_LISTS) this.#lists.delete(this.#lists.keys().next().value);
    return { sandboxes, nextPageToken };
  }

  listSandboxes(filter) {
    const pages = () => this.#pages(filter);
    return {
      async *byPage() {
        for await (const page of pages()) yield page.map((sandbox) => new FacadeSandbox(sandbox));
      },
      async *[Symbol.asyncIterator]() {
        for await (const page of this.byPage()) yield* page;
      },
      async collect() {
        const all = [];
        for await (const page of this.byPage()) all.push(...page);
        return all;
      },
    };
  }

  listAll(filter) {
    return this.listSandboxes(filter).collect();
  }

  #pages(filter) {
    return Sandbox.list({ ...filter, client: this.#client }).byPage();
  }

  delete(sandboxId, options) {
    return Sandbox.delete(sandboxId, { ...options, client: this.#client });
  }

  async getSnapshot(snapshotId, options) {
    return snapshotInfo(await Snapshot.get(snapshotId, { ...options, client: this.#client }));
  }

  async listSnapshots({ state, ...options } = {}) {
    const all = await Snapshot.list({ ...options, client: this.#client });
    return all.map(snapshotInfo).filter((snapshot) => state === undefined || snapshot.state === state);
  }

  async deleteSnapshot(snapshotId, { missingOk, ...options } = {}) {
    try {
      await Snapshot.delete(snapshotId, { ...options, client: this.#client });
    } catch (error) {
      if (!missingOk || !(error instanceof SnapshotNotFoundError)) throw error;
    }
  }

  /** `withSandbox(callback, options)` or `withSandbox(command, callback, options)`. */
  async withSandbox(...args) {
    const command = typeof args[0] === "function" ? undefined : args.shift();
    const [callback, options] = args;
    const sandbox = await this.#start(command, options);
    let failed = true;
    try {
      const value = await callback(sandbox);
      failed = false;
      return value;
    } finally {
      // What already went wrong must not be hidden by what goes wrong now.
      await sandbox.stop().catch((error) => {
        if (!failed) throw error;
      });
    }
  }
}

class FacadeSandbox {
  #sandbox;

  constructor(sandbox) {
    this.#sandbox = sandbox;
    const run = async (command, options) => resultOf(await sandbox.exec(command, options));
    this.exec = run;
    this.commands = { run, start: async (command, options) => processOf(sandbox, command, options) };
    this.logs = logsOf(sandbox);
    this.files = filesOf(sandbox.files);
    const seen = ["sandboxId", "exitCode", "exposedPorts", "resourceLimits", "resourceRequests", "runnerGroupId", "runnerId", "serviceUrls", "startedAt", "status", "statusReason"];
    for (const name of seen) Object.defineProperty(this, name, { get: () => info(sandbox)[name], enumerable: true });
  }

  async inspect(options) {
    await this.#sandbox.getStatus(options);
    return info(this.#sandbox);
  }

  getStatus(options) {
    return this.#sandbox.getStatus(options);
  }

  async shell({ command, cols, rows, signal, timeoutMs } = {}) {
    return terminalOf(this.#sandbox.shell({ command, cols, rows, signal, timeoutMs }));
  }

  async wait({ targetStatus, timeoutMs = 60_000, ...options } = {}) {
    const limits = { ...options, timeoutMs };
    if (targetStatus === undefined || targetStatus === "running") await this.#sandbox.wait(limits);
    else if (targetStatus === "terminal") await this.#sandbox.waitUntilComplete({ ...limits, raiseOnTermination: false }).catch(unlessFailed);
    else if (targetStatus === "completed") await this.#sandbox.waitUntilComplete(limits);
    else await this.#seen(targetStatus, limits);
    return this;
  }

  async #seen(status, { signal, timeoutMs }) {
    const late = AbortSignal.timeout(timeoutMs);
    for await (const now of this.#sandbox.statusChanges({ signal: signal ? AbortSignal.any([signal, late]) : late })) {
      if (now === status) return;
    }
    throw new JetwayError(`the sandbox ended and never was ${status}`);
  }

  async snapshot({ timeoutMs = DEFAULT_SNAPSHOT_TIMEOUT_MS, ...options } = {}) {
    return snapshotInfo(await this.#sandbox.snapshot({ ...options, timeoutMs }));
  }

  stop(options) {
    return this.#sandbox.stop(options);
  }

  async delete({ missingOk, ...options } = {}) {
    try {
      await this.#sandbox.delete(options);
    } catch (error) {
      if (!missingOk || !(error instanceof SandboxNotFoundError)) throw error;
    }
  }

  [Symbol.asyncDispose]() {
    return this.stop();
  }
}

/** One that failed has ended, too. */
function unlessFailed(error) {
  if (error?.code !== "sandbox_failed") throw error;
}

function filesOf(files) {
  const each = async (paths, read) => Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await read(path)])));
  const oneOrMany = (read) => (paths, options) =>
    Array.isArray(paths) ? each(paths, (path) => read(path, options)) : read(paths, options);
  return {
    read: oneOrMany((path, options) => files.read(path, options)),
    readText: oneOrMany((path, options) => files.readText(path, options)),
    readStream: (path, options) => files.readStream(path, options),
    async write(target, content, options) {
      if (typeof target === "string") return files.write(target, content, options);
      const all = Array.isArray(target) ? target : Object.entries(target).map(([path, data]) => ({ path, content: data }));
      await Promise.all(all.map((file) => files.write(file.path, file.content, content)));
    },
    writeStream: (path, source, options) => files.write(path, source instanceof Uint8Array ? source : pieces(source), options),
  };
}

async function* pieces(source) {
  yield* source;
}

/** Its options as ours. */
function runOptions({ containerImage, environmentVariables, fileSystemSnapshot, volumes, objectStorageAccess, secrets, ...rest }) {
  const volume = ({ restoreFromSnapshotId, ...given }) => ({ ...given, snapshotId: restoreFromSnapshotId || undefined });
  const access = objectStorageAccess?.permission === "read-write" ? { ...objectStorageAccess, permission: "readWrite" } : objectStorageAccess;
  const alone = fileSystemSnapshot && [{ name: "workspace", ...fileSystemSnapshot }];
  return {
    ...rest,
    image: containerImage,
    env: environmentVariables,
    volumes: (volumes ?? alone)?.map(volume),
    objectStorageAccess: access,
    secrets: secrets?.map(({ name, ...secret }) => ({ ...secret, path: name })),
  };
}

/** What is known of a sandbox, without what is not. */
function info(sandbox) {
  const { sandboxId, status, statusReason, exitCode, startedAt, runnerId, runnerGroupId, resourceLimits, resourceRequests } = sandbox;
  const exposedPorts = sandbox.services.map(({ port, name, protocol }) => ({ port, name, protocol }));
  const all = { sandboxId, status, statusReason, exitCode, startedAt, runnerId, runnerGroupId, resourceLimits, resourceRequests, exposedPorts, serviceUrls: sandbox.serviceUrls };
  return known(all);
}

function snapshotInfo(snapshot) {
  const { snapshotId, status, statusReason, trigger, sizeBytes, bucket, sourceSandboxId, sourceVolume, createdAt, completedAt } = snapshot;
  return known({
    snapshotId,
    state: status,
    trigger: trigger === "onDelete" ? "on_delete" : trigger,
    sizeBytes,
    stateReason: statusReason,
    objectBucket: bucket,
    sourceSandboxId,
    sourceVolumeName: sourceVolume,
    createdAt,
    completedAt,
  });
}

const known = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Pages, each with whether it is the last: the next one is fetched with it. */
function ahead(pages) {
  let coming = pages.next();
  return {
    async next() {
      const { value: page = [], done } = await coming;
      if (done) return { page, last: true };
      coming = pages.next();
      return { page, last: (await coming).done };
    },
  };
}
