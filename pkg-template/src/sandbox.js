// A remote place to run processes in. Everything starts at once and returns at once; what happens when is the core's.

import "./dispose.js";
import { call, clientOf } from "./client.js";
import { Code } from "./code.js";
import { DEFAULT_TEMP_DIR, readRun, text } from "./spec.js";
import { checkOptions } from "./options.js";
import { Facts } from "./facts.js";
import { FileSystem } from "./files.js";
import { LogStream } from "./logs.js";
import { disown, own } from "./owned.js";
import { Process } from "./process.js";
import { inShell, opener, readCommand } from "./command.js";
import { shellTag } from "./shell_line.js";
import { SandboxList } from "./list.js";
import { inSandbox, javascriptFunction, pythonFunction } from "./remote.js";
import { Session } from "./session.js";
import { endTerminal, listTerminals, openShell } from "./terminals.js";
import { guarded } from "./panic.js";
import { Snapshot } from "./storage.js";

/** By these it is a session's. */
const SESSIONS = ["userId", "baseUrl", "token", "cpuCount", "memoryMb", "ttlHours"];
const cloud = () => import("./cloud.js");

export class Sandbox extends Facts {
  #core;
  #ready;
  #code;
  #files;
  #client;
  /** `{ id, resumed, paused }` of the session that it serves. */
  #served;
  #tempDir;

  /**
   * @param {object | Promise<object>} core
   * @param {{ client?: object, detached?: boolean, found?: boolean }} [origin] whose it is, and whether it is ours to end
   * @internal
   */
  constructor(core, { client, detached = false, found = false, tempDir = DEFAULT_TEMP_DIR } = {}) {
    super();
    this.#client = client;
    this.#tempDir = tempDir;
    this.#ready = Promise.resolve(core).then((made) => (this.#core = made));
    if (client && !detached && !found) this._own(client);
    // Whoever uses the sandbox hears of it; a sandbox that nobody uses must not end the program.
    this.#ready.catch(() => {});
  }

  // Getting one.

  /** Starts a sandbox: `run()`, `run("python", "main.py")`, `run(["python", "main.py"], options)`. */
  static run(...args) {
    const { command, options } = readRun(args, "Sandbox.run");
    return Sandbox.#start(options, (core, spec) => core.run(command, spec));
  }

  /** `make` gives the core's sandbox from what of the options is the core's to read. */
  static #start({ client, signal, detached, tempDir, ...spec }, make) {
    const start = async (core) => {
      const sandbox = await make(core, spec);
      sandbox.start({ signal }).catch(() => {});
      return sandbox;
    };
    const served = clientOf({ client });
    return new Sandbox(call(served, start), { client: served, detached, tempDir });
  }

  /** As run(), but resolves when it is running; with a user or a session's options it is a session's. */
  static async create(options) {
    if (options && SESSIONS.some((key) => options[key] !== undefined)) return (await cloud()).createSandbox(options);
    const sandbox = Sandbox.run(options ?? {});
    await sandbox.wait({ signal: options?.signal });
    return sandbox;
  }

  /** Takes a paused session up again: its sandbox, or a new one with its files. */
  static async resume(sessionId, options) {
    return (await cloud()).resumeSandbox(text("sessionId", sessionId), options);
  }

  /** Starts a sandbox from a template; the options win over what the template says. */
  static fromTemplate(templateId, options) {
    return Sandbox.run({ ...options, template: text("templateId", templateId) });
  }

  /** Starts a sandbox after a compose file: its text, its bytes or a Blob. Its services become containers. */
  static fromFile(compose, options) {
    const known = checkOptions("fromFile", options, "Sandbox.fromFile");
    return Sandbox.#start(known, async (core, spec) => {
      const read = await (await import("./compose.js")).readCompose(compose, spec);
      return core.run([], read.options, read.compose);
    });
  }

  /** A session: sandboxes with shared defaults and one end. */
  static session(defaults, options) {
    return new Session(defaults, options);
  }

  /** Finds a sandbox by its id; also one that has ended. */
  static async fromId(sandboxId, options) {
    const { client, ...rest } = checkOptions("fromId", options, "Sandbox.fromId");
    const served = clientOf({ client });
    const found = await call(served, (core) => core.fromId(text("sandboxId", sandboxId), rest));
    return new Sandbox(found, { client: served, found: true });
  }

  /** The sandboxes that a filter names: await it for all, iterate it to have them page by page. */
  static list(options) {
    const { client, includeStopped, ...filter } = checkOptions("list", options, "Sandbox.list");
    if (includeStopped !== undefined) filter.showTerminated ??= includeStopped;
    const served = clientOf({ client });
    return new SandboxList(() => call(served, (core) => core.list(filter)), (core) => new Sandbox(core, { client: served, found: true }));
  }

  /** Deletes a sandbox by its id. Resolves before it has ended. */
  static async delete(sandboxId, options) {
    const { client, missingOk, ...rest } = checkOptions("delete", options, "Sandbox.delete");
    await call(clientOf({ client }), (core) => core.delete(text("sandboxId", sandboxId), { ...rest, missingOk }));
  }

  /** Removes every sandbox that has all of these tags, in one call; with `dryRun` it only counts them. */
  static async purge(options) {
    const { client, ...rest } = checkOptions("purge", options, "Sandbox.purge");
    return call(clientOf({ client }), (core) => core.purge(rest));
  }

  /** Runs `act` with a new sandbox and stops it afterwards, for where `await using` is not at hand. */
  static async use(options, act) {
    const sandbox = Sandbox.run(options);
    let failed = true;
    try {
      const value = await act(sandbox);
      failed = false;
      return value;
    } finally {
      // What already went wrong must not be hidden by what goes wrong now.
      await sandbox[Symbol.asyncDispose]().catch((error) => {
        if (!failed) throw error;
      });
    }
  }

  // Its life.

  async start(options) {
    const known = checkOptions("call", options, "start");
    await this.#call((core) => core.start(known));
  }

  /** Waits until it runs; returns itself. */
  async wait(options) {
    const known = checkOptions("call", options, "wait");
    await this.#call((core) => core.wait(known));
    return this;
  }

  /** Waits until it has ended; returns itself. */
  async waitUntilComplete(options) {
    const known = checkOptions("waitUntilComplete", options, "waitUntilComplete");
    await this.#call((core) => core.waitUntilComplete(known));
    return this;
  }

  /** Its states: the present one, then each that is seen to be another, until the last. */
  async *statusChanges(options) {
    const known = checkOptions("statusChanges", options, "statusChanges");
    const changes = (await this.#ready).statusChanges(known);
    try {
      for (let status; (status = await guarded(changes.next())) !== undefined; ) yield status;
    } finally {
      changes.free();
    }
  }

  /** Stops it and waits for its end. */
  async stop(options) {
    const known = checkOptions("stop", options, "stop");
    await this.#call((core) => core.stop(known));
    disown(this);
  }

  /** Deletes it. Resolves before it has ended. */
  async delete(options) {
    const { client: _, ...rest } = checkOptions("delete", options, "delete");
    await this.#call((core) => core.deleteSelf(rest));
    disown(this);
  }

  /** Takes a snapshot of a scratch volume, and waits until it is whole. */
  async snapshot(options) {
    const known = checkOptions("snapshot", options, "snapshot");
    return new Snapshot(await this.#call((core) => core.snapshot(known)));
  }

  /** A new sandbox that begins where this one is: the same options, its scratch volumes as they are now. */
  async fork(options) {
    const { client, ...rest } = checkOptions("fromId", options, "fork");
    return new Sandbox(await this.#call((core) => core.fork(rest)), { client: clientOf({ client }) });
  }

  static getSnapshot = (snapshotId, options) => Snapshot.get(snapshotId, options);
  static listSnapshots = (options) => Snapshot.list(options);
  static deleteSnapshot = (snapshotId, options) => Snapshot.delete(snapshotId, options);

  /** Freezes its processes and saves its workspace, as a session if it is none yet. Gives the session's id. */
  async pause() {
    const id = await (await cloud()).pauseSandbox(this, this.#client, this.sessionId);
    this.#served = { id, paused: true };
    // What was paused on purpose is to outlive this program.
    disown(this);
    return id;
  }

  /** Goes on after pause(); `resumed` then says whether its processes did, or its files came back. */
  async resume() {
    if (!this.sessionId) throw invalid("sandbox", "was not paused");
    const resumed = await Sandbox.resume(this.sessionId, { client: this.#client });
    if (resumed.sandboxId !== this.sandboxId) this.#code = undefined;
    this.#ready = resumed._core();
    this.#core = await this.#ready;
    this.#served = resumed.#served;
    return this;
  }

  /** Ends it with its session and everything that is kept for that. */
  async destroy() {
    if (!this.sessionId) return this.stop({ missingOk: true });
    await (await cloud()).ask(this.#client, "deleteSession", { sessionId: this.sessionId, missingOk: true });
    this.#served = undefined;
    disown(this);
  }

  /** Asks the server for its state. */
  async getStatus(options) {
    return this.#call((core) => core.getStatus(checkOptions("call", options, "getStatus")));
  }

  async [Symbol.asyncDispose]() {
    // One that never came to be has nothing to stop.
    if (!(await this.#ready.catch(() => undefined)) || this.#served?.paused) return;
    // A session's sandbox is given back; the session stays.
    if (this.sessionId) return (await cloud()).ask(this.#client, "releaseSandbox", { sandboxId: this.sandboxId });
    await this.stop({ missingOk: true });
  }

  // Processes.

  /** Runs a command. Returns the process at once; await it for its result. */
  exec(command, options) {
    const { signal, input, stdin, maxBufferBytes, check, ...rest } = checkOptions("exec", options, "exec");
    const argv = readCommand(command, "exec");
    const spec = { ...rest, stdin: Boolean(stdin) || input !== undefined };
    const { open, fed } = opener(() => this.#ready, this, argv, spec, input);
    const process = new Process(open, (line) => this.exec(line, { container: rest.container }), argv, { ...spec, stdin, input, fed, signal, maxBufferBytes, check });
    this.#count(process);
    return process;
  }

  /** Runs a shell line: `` $`grep ${word} ${files}` ``; options come first: `` $({ cwd })`make` ``. */
  $(first, ...values) {
    return shellTag((line, options) => this.runCommand(line, options), first, values);
  }

  /** Opens a shell, or another command, in a terminal. */
  shell(options) {
    return openShell(this.#ready, (command, container) => this.exec(command, { container }), options);
  }

  /** The terminals that the server keeps of this sandbox, the oldest first. */
  terminals(options) {
    return listTerminals((act) => this.#call(act), options);
  }

  /** Ends a kept terminal and what runs in it; resolves to whether there was one of that name. */
  endTerminal(id, options) {
    return endTerminal((act) => this.#call(act), id, options);
  }

  /** What its main command printed: iterate it for lines. It goes on by itself when a connection breaks. */
  logs(options) {
    const { signal, ...rest } = checkOptions("logs", options, "logs");
    if (rest.since instanceof Date) rest.since = rest.since.getTime();
    return new LogStream(async (stop) => (await this.#ready).logs({ ...rest, signal: stop }), signal);
  }

  // Code.

  /** Its code contexts: interpreters that keep their state. */
  get code() {
    return (this.#code ??= new Code({ exec: this.exec.bind(this), writeFile: this.writeFile.bind(this) }));
  }

  /** Runs code in a context; by default in the language's own, which everybody shares. */
  runCode(code, options) {
    return this.code._run(code, options);
  }

  /** Runs a command: a line for the shell, or an array. Returns the process at once, as exec() does. */
  runCommand(command, options) {
    return this.exec(typeof command === "string" ? inShell(command) : command, options);
  }

  /** A function of this program that runs in this sandbox when it is called. */
  function(fn, options) {
    return javascriptFunction(inSandbox(this, "javascript"), fn, options);
  }

  /** A Python function, by its source, that runs in this sandbox when it is called: `python(source, options)` or a template. */
  python(source, ...rest) {
    return pythonFunction(inSandbox(this, "python"), source, rest);
  }

  // Files.

  get files() {
    return (this.#files ??= new FileSystem((act) => this.#call(act), this.exec.bind(this)));
  }

  /** Reads a file: bytes, or text with `encoding: "utf8"`. */
  readFile(path, options) {
    return this.files.read(path, options);
  }

  /** Creates or replaces a file, its directories included. Takes text, bytes, a Blob or a stream. */
  writeFile(path, data, options) {
    return this.files.write(path, data, options);
  }

  listFiles(path = "/workspace", options) {
    return this.files.list(path, options);
  }

  deleteFile(path, options) {
    return this.files.remove(path, options);
  }

  /** The session that it serves. */
  get sessionId() {
    return this.#served?.id;
  }

  /** Where its short-lived files go. */
  get tempDir() {
    return this.#tempDir;
  }

  /** How it came back: `thawed`, `restored`, or not at all. */
  get resumed() {
    return this.#served?.resumed;
  }

  // What is known about it, without asking (more in facts.js).

  /** Ids of the snapshots that its stop took. */
  get snapshotIds() {
    return this.#core?.snapshotIds() ?? [];
  }

  /** Where the service on a port is reached. */
  async url(port, options) {
    checkOptions("call", options, "url");
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new TypeError(`url: port must be between 1 and 65535, got ${String(port)}`);
    return this.#call((core) => core.url(port, options ?? {}));
  }

  /** @internal */
  _serve(session) {
    this.#served = session;
  }

  /** @internal */
  _core() {
    return this.#ready;
  }

  /** From now on it ends with this program. @internal */
  _own(client) {
    own(this, client);
  }

  /** @internal */
  get _info() {
    return this.#core?.info();
  }

  /** Tells the core, which counts for the session, how a process ended. */
  #count(process) {
    const ended = (exitCode) => this.#core?.executed(exitCode);
    // A check that failed has an exit code too; one of -1 means that the end is not known.
    process._end.then(({ exitCode }) => ended(exitCode), ({ result }) => ended(result?.exitCode >= 0 ? result.exitCode : undefined)).catch(() => {});
  }

  async #call(act) {
    const core = await this.#ready;
    return guarded(act(core));
  }
}
