// Sandboxes that belong together: made with the same defaults, counted together, stopped together.

import "./dispose.js";
import { Client, call, clientOf } from "./client.js";
import { SandboxDefaults } from "./defaults.js";
import { SandboxError } from "./errors.js";
import { SandboxList } from "./list.js";
import { checkOptions } from "./options.js";
import { guarded } from "./panic.js";
import { inSession, javascriptFunction, pythonFunction } from "./remote.js";
import { Sandbox } from "./sandbox.js";
import { readRun } from "./spec.js";

export class Session {
  #defaults;
  #client;
  #opening;
  #core;
  #coming = 0;
  #closing;

  /** @param {SandboxDefaults | object} [defaults] what its sandboxes start from */
  constructor(defaults, options) {
    const { client } = checkOptions("Session", options, "Session");
    this.#defaults = SandboxDefaults.from(defaults);
    const { baseUrl } = this.#defaults;
    if (client !== undefined && baseUrl !== undefined) throw new TypeError("Session: give either client or defaults with a baseUrl, not both");
    this.#client = baseUrl === undefined ? clientOf({ client }) : new Client({ baseUrl });
  }

  /** What its sandboxes start from. */
  get defaults() {
    return this.#defaults;
  }

  /** The client its sandboxes are called by. */
  get client() {
    return this.#client;
  }

  /** A sandbox of this session, at once. It is created with the first call on it, or by `start()`. */
  sandbox(...args) {
    this.#checkOpen("create a sandbox");
    const { command, options } = readRun(args, "session.sandbox");
    const { client, signal: _, detached, tempDir = this.#defaults.tempDir, ...spec } = options;
    if (client !== undefined) throw new TypeError("session.sandbox: its client is the session's; leave client out");
    this.#coming++;
    const made = this.#open().then((core) => core.sandbox(command, spec));
    made.finally(() => this.#coming--).catch(() => {});
    return new Sandbox(made, { client: this.#client, detached, tempDir });
  }

  /** Has this sandbox stopped with the session. */
  adopt(sandbox) {
    this.#checkOpen("adopt a sandbox");
    if (!(sandbox instanceof Sandbox)) throw new TypeError("adopt: give a Sandbox");
    this.#coming++;
    const adopting = Promise.all([this.#open(), sandbox._core()]).then(([core, theirs]) => {
      core.adopt(theirs);
      sandbox._own(this.#client);
    });
    adopting.finally(() => this.#coming--).catch(() => {});
    this.#adopting.add(adopting);
    adopting.finally(() => this.#adopting.delete(adopting)).catch(() => {});
    return sandbox;
  }

  /** Finds a sandbox by its id and adopts it, unless `adopt: false`. */
  async fromId(sandboxId, options) {
    const { adopt = true, ...rest } = checkOptions("sessionFromId", options, "session.fromId");
    this.#checkOpen("find a sandbox");
    const sandbox = await Sandbox.fromId(sandboxId, { ...rest, client: this.#client });
    return adopt ? this.adopt(sandbox) : sandbox;
  }

  /** Sandboxes with the session's tags; `adopt: true` has those that are seen stopped with it. */
  list(options) {
    const { adopt = false, includeStopped, ...filter } = checkOptions("sessionList", options, "session.list");
    if (includeStopped !== undefined) filter.showTerminated ??= includeStopped;
    const wrap = (core) => {
      const sandbox = new Sandbox(core, { client: this.#client, found: true });
      return adopt ? this.adopt(sandbox) : sandbox;
    };
    return new SandboxList(async () => guarded((await this.#open()).list(filter)), wrap);
  }

  /** A function of this program; each call of it has a sandbox of this session to itself. */
  function(fn, options) {
    return javascriptFunction(inSession(this, "javascript"), fn, options);
  }

  /** A Python function, by its source: `python(source, options)` or a template. Each call has a sandbox to itself. */
  python(source, ...rest) {
    return pythonFunction(inSession(this, "python"), source, rest);
  }

  /** How many of its sandboxes have not ended, as far as is known. */
  get sandboxCount() {
    return this.#coming + (this.#core?.count ?? 0);
  }

  /** What it did so far: sandboxes created, executions and their outcomes, start-up times. */
  metrics() {
    return this.#core?.metrics() ?? { ...NOTHING };
  }

  /** Stops all of its sandboxes at the same time and waits for their ends. */
  close(options) {
    const known = checkOptions("stop", options, "session.close");
    this.#closing ??= this.#close(known);
    return this.#closing;
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }

  #adopting = new Set();

  async #close(options) {
    if (this.#opening === undefined) return;
    await Promise.allSettled(this.#adopting);
    const core = await this.#open();
    const told = await guarded(core.close(options));
    if (told === undefined) return;
    const { error, failures } = told;
    const cause = new AggregateError(failures, `${failures.length} failed`);
    throw new SandboxError(error.message, { ...error, code: undefined, cause });
  }

  /** The core's session, made on first use. */
  #open() {
    const { command, options } = this.#defaults._spec();
    this.#opening ??= call(this.#client, async (core) => (this.#core = core.session(command, options)));
    return this.#opening;
  }

  #checkOpen(what) {
    if (this.#closing) throw new SandboxError(`cannot ${what}: the session is closed`, { hint: "Open another session" });
  }
}

const NOTHING = {
  sandboxesCreated: 0,
  executions: 0,
  execCompletedOk: 0,
  execCompletedNonzero: 0,
  execFailures: 0,
  startupCount: 0,
  averageStartupMs: undefined,
  minStartupMs: undefined,
  maxStartupMs: undefined,
};
