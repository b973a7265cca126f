// A remote place to run processes in. Everything starts at once and returns at once; what happens when is the core's.

import "./dispose.js";
import { call, clientOf } from "./client.js";
import { Code } from "./code.js";
import { checkOptions } from "./options.js";
import { Process } from "./process.js";
import { SandboxList } from "./list.js";
import { pythonSource, remoteFunction } from "./remote.js";
import { TerminalSession, checkSize } from "./terminal.js";
import { guarded } from "./panic.js";
import { invalid } from "./errors.js";
import { toBytes } from "./text.js";

/** The line is `$0`: no shell sees it but the one that is to run it. */
const IN_SHELL = 'command -v bash >/dev/null 2>&1 && exec bash -c "$0"; exec sh -c "$0"';

export class Sandbox {
  #core;
  #ready;
  #code;

  /** @param {object | Promise<object>} core @internal */
  constructor(core) {
    this.#ready = Promise.resolve(core).then((made) => (this.#core = made));
    // Whoever uses the sandbox hears of it; a sandbox that nobody uses must not end the program.
    this.#ready.catch(() => {});
  }

  // Getting one.

  /** Starts a sandbox: `run()`, `run("python", "main.py")`, `run(["python", "main.py"], options)`. */
  static run(...args) {
    const { command, options } = readRun(args);
    const { client, signal, ...spec } = options;
    const start = async (core) => {
      const sandbox = core.run(command, spec);
      sandbox.start({ signal }).catch(() => {});
      return sandbox;
    };
    return new Sandbox(call(clientOf({ client }), start));
  }

  /** As run(), but resolves when it is running. */
  static async create(options) {
    const sandbox = Sandbox.run(options ?? {});
    await sandbox.wait({ signal: options?.signal });
    return sandbox;
  }

  /** Finds a sandbox by its id; also one that has ended. */
  static async fromId(sandboxId, options) {
    const { client, ...rest } = checkOptions("fromId", options, "Sandbox.fromId");
    return new Sandbox(await call(clientOf({ client }), (core) => core.fromId(text("sandboxId", sandboxId), rest)));
  }

  /** The sandboxes that a filter names: await it for all, iterate it to have them page by page. */
  static list(options) {
    const { client, includeStopped, ...filter } = checkOptions("list", options, "Sandbox.list");
    if (includeStopped !== undefined) filter.showTerminated ??= includeStopped;
    return new SandboxList(() => call(clientOf({ client }), (core) => core.list(filter)), (core) => new Sandbox(core));
  }

  /** Deletes a sandbox by its id. Resolves before it has ended. */
  static async delete(sandboxId, options) {
    const { client, missingOk, ...rest } = checkOptions("delete", options, "Sandbox.delete");
    await call(clientOf({ client }), (core) => core.delete(text("sandboxId", sandboxId), { ...rest, missingOk }));
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
    checkOptions("call", options, "start");
    await this.#call((core) => core.start(options ?? {}));
  }

  /** Waits until it runs; returns itself. */
  async wait(options) {
    checkOptions("call", options, "wait");
    await this.#call((core) => core.wait(options ?? {}));
    return this;
  }

  /** Stops it and waits for its end. */
  async stop(options) {
    checkOptions("stop", options, "stop");
    await this.#call((core) => core.stop(options ?? {}));
  }

  /** Deletes it. Resolves before it has ended. */
  async delete(options) {
    const { client: _, ...rest } = checkOptions("delete", options, "delete");
    await this.#call((core) => core.deleteSelf(rest));
  }

  /** Asks the server for its state. */
  async getStatus(options) {
    checkOptions("call", options, "getStatus");
    return this.#call((core) => core.getStatus(options ?? {}));
  }

  async [Symbol.asyncDispose]() {
    // One that never came to be has nothing to stop.
    if (!(await this.#ready.catch(() => undefined))) return;
    await this.stop({ missingOk: true });
  }

  // Processes.

  /** Runs a command. Returns the process at once; await it for its result. */
  exec(command, options) {
    const { signal, input, stdin, maxBufferBytes, check, ...rest } = checkOptions("exec", options, "exec");
    const argv = readCommand(command, "exec");
    const spec = { ...rest, stdin: Boolean(stdin) || input !== undefined };
    const open = async (stop) => (await this.#ready).exec(argv, { ...spec, signal: stop });
    const beside = (command) => this.exec(command, { container: rest.container });
    return new Process(open, beside, argv, { ...spec, stdin, input, signal, maxBufferBytes, check });
  }

  /** Opens a shell, or another command, in a terminal. */
  shell(options) {
    const { command, cols = 80, rows = 24, signal, ...rest } = checkOptions("shell", options, "shell");
    checkSize(cols, rows);
    const argv = command === undefined ? undefined : readCommand(command, "shell");
    const open = async (stop) => (await this.#ready).shell(argv, { ...rest, cols, rows, signal: stop });
    const beside = (command) => this.exec(command, { container: rest.container });
    return new TerminalSession(new Process(open, beside, argv ?? ["shell"], { tty: true, signal }));
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
    return this.exec(typeof command === "string" ? ["/bin/sh", "-c", IN_SHELL, command] : command, options);
  }

  /** A function of this program that runs in this sandbox when it is called. */
  function(fn, options) {
    return remoteFunction(this.#place("javascript"), fn, options, "function");
  }

  /** A Python function, by its source, that runs in this sandbox when it is called: `python(source, options)` or a template. */
  python(source, ...rest) {
    const isTemplate = typeof source !== "string";
    return remoteFunction(this.#place("python"), pythonSource(source, rest), isTemplate ? undefined : rest[0], "python");
  }

  #place(language) {
    return { language, options: "function", use: (_, act) => act(this, true) };
  }

  // Files.

  /** Reads a file: bytes, or text with `encoding: "utf8"`. */
  async readFile(path, options) {
    const { encoding, ...rest } = checkOptions("read", options, "readFile");
    if (encoding !== undefined && encoding !== "utf8" && encoding !== "utf-8") {
      throw invalid("encoding", `must be "utf8", got ${JSON.stringify(encoding)}; leave it out for bytes`);
    }
    const bytes = await this.#call((core) => core.readFile(text("path", path), rest));
    return encoding ? new TextDecoder().decode(bytes) : bytes;
  }

  /** Creates or replaces a file, its directories included. Takes text, bytes, a Blob or a stream. */
  async writeFile(path, data, options) {
    checkOptions("write", options, "writeFile");
    const whole = data instanceof ReadableStream ? await new Response(data).blob() : data instanceof Blob ? data : toBytes(data, "data");
    await this.#call((core) => core.writeFile(text("path", path), whole, options ?? {}));
  }

  // What is known about it, without asking.

  get sandboxId() {
    return this.#info?.sandboxId;
  }

  get status() {
    return this.#info?.status ?? "pending";
  }

  get statusReason() {
    return this.#info?.statusReason;
  }

  get exitCode() {
    return this.#info?.exitCode;
  }

  get returncode() {
    return this.exitCode;
  }

  get createdAt() {
    return date(this.#info?.createdAtMs);
  }

  get startedAt() {
    return date(this.#info?.startedAtMs);
  }

  get image() {
    return this.#info?.image;
  }

  get tags() {
    return this.#info?.tags ?? [];
  }

  get annotations() {
    return this.#info?.annotations ?? {};
  }

  get runnerId() {
    return this.#info?.runnerId;
  }

  get towerId() {
    return this.runnerId;
  }

  get runnerGroupId() {
    return this.#info?.runnerGroupId;
  }

  get towerGroupId() {
    return this.runnerGroupId;
  }

  get runtimeClass() {
    return this.#info?.runtimeClass;
  }

  get resourceRequests() {
    return this.#info?.resourceRequests;
  }

  get resourceLimits() {
    return this.#info?.resourceLimits;
  }

  toJSON() {
    const { sandboxId, status, image, tags, createdAt, startedAt, exitCode } = this;
    return { sandboxId, status, image, tags, createdAt, startedAt, exitCode };
  }

  get #info() {
    return this.#core?.info();
  }

  async #call(act) {
    const core = await this.#ready;
    return guarded(act(core));
  }
}

function readRun(args) {
  const last = args.at(-1);
  const given = args.length > 0 && typeof last !== "string" && !Array.isArray(last) ? args.slice(0, -1) : args;
  const options = { ...checkOptions("run", given.length < args.length ? last : undefined, "Sandbox.run") };
  const listed = Array.isArray(given[0]) ? given[0] : given;
  if (Array.isArray(given[0]) && given.length > 1) throw new TypeError("Sandbox.run: give the command as one array, or as strings");
  alias(options, "containerImage", "image");
  alias(options, "environmentVariables", "env");
  if (listed.length > 0 && options.command !== undefined) {
    throw new TypeError("Sandbox.run: give the command as arguments or as an option, not both");
  }
  const command = listed.length > 0 ? listed : options.command === undefined ? [] : [options.command].flat();
  if (options.args !== undefined && command.length === 0) throw new TypeError("Sandbox.run: args need a command");
  const whole = [...command, ...(options.args ?? [])];
  delete options.command;
  delete options.args;
  for (const part of whole) text("command", part);
  return { command: whole, options };
}

function alias(options, from, to) {
  if (options[from] === undefined) return;
  if (options[to] !== undefined) throw new TypeError(`Sandbox.run: ${from} and ${to} are the same option; give one`);
  options[to] = options[from];
  delete options[from];
}

function readCommand(command, where) {
  if (typeof command === "string") {
    throw new TypeError(`${where}: the command must be an array, e.g. ${JSON.stringify(command.split(" "))}; for a shell line use ["sh", "-c", line]`);
  }
  if (!Array.isArray(command)) throw new TypeError(`${where}: the command must be an array of strings, got ${command === null ? "null" : typeof command}`);
  for (const part of command) text("command", part);
  return command;
}

function text(field, value) {
  if (typeof value !== "string") throw new TypeError(`${field} must be a string, got ${value === null ? "null" : typeof value}`);
  return value;
}

const date = (ms) => (ms === undefined ? undefined : new Date(ms));
