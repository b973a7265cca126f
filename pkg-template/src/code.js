// Code that remembers: the contexts of a sandbox, one of them, and what running code gives.

import { NotSupportedError, invalid } from "./errors.js";
import { Connection, putDriver } from "./exchange.js";
import { load } from "./load.js";
import { checkOptions } from "./options.js";
import { MiddleBuffer } from "./output.js";
import { toBytes } from "./text.js";

const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;
const FORMATS = {
  text: "text/plain", html: "text/html", markdown: "text/markdown", svg: "image/svg+xml", png: "image/png", jpeg: "image/jpeg",
  pdf: "application/pdf", latex: "text/latex", json: "application/json", javascript: "application/javascript",
};

/** The code contexts of a sandbox. */
export class Code {
  #host;
  #contexts = new Map();

  /** @internal */
  constructor(host) {
    this.#host = host;
  }

  /** Starts a context of its own: an interpreter that keeps its state. */
  async createContext(options) {
    const { language = "python", cwd, env } = checkOptions("context", options, "createContext");
    const core = await load();
    const id = core.newContextId(language);
    const connection = new Connection(this.#host, id, true, { cwd, env });
    await connection.greeting();
    return this.#keep(id, connection);
  }

  /** A context by its id, as a page that was loaded again has it. Whether it is there shows when it is used. */
  context(id) {
    if (id instanceof CodeContext) return id;
    if (typeof id !== "string") throw new TypeError(`context must be a context or the id of one, got ${id === null ? "null" : typeof id}`);
    return this.#contexts.get(id) ?? this.#keep(id, new Connection(this.#host, id, !id.includes("-"), {}));
  }

  /** All contexts of the sandbox, whoever started them. */
  async list() {
    const core = await load();
    for (const { language, command, driverPath } of core.contextLists()) {
      for (const put of [false, true]) {
        if (put) await putDriver(this.#host, language, driverPath);
        const { exitCode, stdout } = await this.#host.exec(command, {});
        if (exitCode === 0) return JSON.parse(stdout).map(({ startedAtMs, ...rest }) => ({ ...rest, startedAt: new Date(startedAtMs) }));
        if (exitCode === 126 || exitCode === 127) break;
      }
    }
    throw new NotSupportedError("this sandbox has no interpreter that keeps code contexts", { hint: "Use an image that has python3 or node" });
  }

  /** @internal */
  async _run(code, options) {
    const { language, context, ...rest } = checkOptions("runCode", options, "runCode");
    if (context === undefined) return this.context((await load()).codeLanguage(language ?? "python")).run(code, rest);
    const found = this.context(context);
    if (language !== undefined && (await load()).codeLanguage(language) !== found.language) {
      throw invalid("language", `must be left out or be the context's, ${JSON.stringify(found.language)}`);
    }
    return found.run(code, rest);
  }

  #keep(id, connection) {
    const context = new CodeContext(id, connection);
    this.#contexts.set(id, context);
    return context;
  }
}

/** An interpreter that keeps its state. Runs are done one after another. */
export class CodeContext {
  #id;
  #connection;

  /** @internal */
  constructor(id, connection) {
    this.#id = id;
    this.#connection = connection;
  }

  /** Enough to find it again from anywhere. */
  get id() {
    return this.#id;
  }

  get language() {
    return this.#id.split("-")[0];
  }

  /** Runs code. An exception of the code is in the result, not thrown. */
  async run(code, options) {
    const { onStdout, onStderr, onResult, signal, ...rest } = checkOptions("runInContext", options, "run");
    for (const [name, act] of Object.entries({ onStdout, onStderr, onResult })) {
      if (act !== undefined && typeof act !== "function") throw new TypeError(`${name} must be a function, got ${typeof act}`);
    }
    const source = toBytes(code, "code");
    const outcome = new Outcome({ onStdout, onStderr, onResult });
    const done = await this.#connection.call((core) => core.run(source, rest), outcome, signal);
    return outcome.finish(done);
  }

  /** Interrupts whatever runs in it, whoever asked for it. Its state stays. */
  async interrupt() {
    await this.#connection.interrupt();
  }

  /** Gives it a new interpreter; what runs ends, what waits goes on in the new one. */
  async restart() {
    await this.#connection.call((core) => core.restart());
  }

  /** Ends it with everything in it. */
  async delete() {
    await this.#connection.call((core) => core.shutdown());
  }

  async [Symbol.asyncDispose]() {
    await this.delete();
  }

  toJSON() {
    return { id: this.id, language: this.language };
  }
}

/** Collects what a run does and tells whoever wants to know at once. */
class Outcome {
  #tell;
  #stdout = { kept: new MiddleBuffer(MOST_OUTPUT_BYTES), decoder: new TextDecoder() };
  #stderr = { kept: new MiddleBuffer(MOST_OUTPUT_BYTES), decoder: new TextDecoder() };
  #results = [];
  #error = null;
  #gap = false;
  #failed;

  constructor({ onStdout, onStderr, onResult }) {
    this.#tell = { onStdout, onStderr, onResult };
  }

  event(kind, body, parts) {
    if (kind === "stdout") return this.#print(this.#stdout, body, this.#tell.onStdout);
    if (kind === "stderr") return this.#print(this.#stderr, body, this.#tell.onStderr);
    if (kind === "error") this.#error = Object.freeze(JSON.parse(body));
    if (kind === "gap") this.#gap = true;
    if (kind !== "display") return undefined;
    const result = codeResult(JSON.parse(body), parts);
    this.#results.push(result);
    return this.#call(this.#tell.onResult, result);
  }

  /** Once it ended. What a listener threw is thrown here, where somebody waits. */
  finish({ status, executionCount, durationMs, restarted }) {
    if (this.#failed) throw this.#failed.error;
    const [stdout, stderr] = [this.#stdout, this.#stderr].map(({ kept }) => new TextDecoder().decode(kept.bytes()));
    return Object.freeze({
      stdout, stderr, results: Object.freeze(this.#results), error: this.#error,
      text: this.#results.findLast((result) => result.isValue)?.text,
      status, executionCount, durationMs, restarted, timedOut: status === "timeout",
      truncated: this.#gap || this.#stdout.kept.truncated || this.#stderr.kept.truncated,
    });
  }

  #print({ kept, decoder }, bytes, listener) {
    kept.push(bytes);
    if (!listener) return undefined;
    const text = decoder.decode(bytes, { stream: true });
    return text === "" ? undefined : this.#call(listener, text);
  }

  /** A listener that answers with a promise is waited for, and slows the code down. */
  #call(listener, value) {
    if (!listener || this.#failed) return undefined;
    const fail = (error) => (this.#failed ??= { error });
    try {
      const answer = listener(value);
      return typeof answer?.then === "function" ? answer.then(undefined, fail) : undefined;
    } catch (error) {
      fail(error);
      return undefined;
    }
  }
}

function codeResult({ result, data, metadata }, parts) {
  const all = { ...data, ...Object.fromEntries(parts) };
  const named = Object.entries(FORMATS).filter(([, mime]) => mime in all).map(([name, mime]) => [name, all[mime]]);
  return Object.freeze({ isValue: result, ...Object.fromEntries(named), data: Object.freeze(all), metadata });
}
