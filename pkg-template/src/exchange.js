// Carries the talk with one code context: attaches by exec, writes what the core wants to say, tells it what was heard,
// attaches again when that breaks off. What to do when is the core's; what events mean is code.js's.

import { cancelled } from "./errors.js";
import { load } from "./load.js";

/** A connection that nobody uses is given up: open streams keep a program from ending. */
const REST_MS = 2000;
const DRIVERS = {
  python: () => import("./driver_python.js"),
  javascript: () => import("./driver_javascript.js"),
  // A shell is kept by the same program.
  bash: () => import("./driver_python.js"),
};

/** Writes the driver of a language to its place. */
export async function putDriver(host, language, path) {
  const { default: text } = await DRIVERS[language]();
  await host.writeFile(path, text);
}

export class Connection {
  #host;
  #place;
  #core;
  #calls = new Map();
  #greeting = [];
  /** The open attachment: `{ process, say }`. */
  #attached;
  #keeping = false;
  /** Without input that stays open every attachment gets its requests as a file. */
  #byFile = false;
  #resting;

  /**
   * @param {{ exec, writeFile }} host the sandbox
   * @param {{ cwd?: string, env?: object }} place where the context begins, if it is new
   */
  constructor(host, id, create, place) {
    this.#host = host;
    this.#place = place;
    this.#core = load().then((core) => new core.CoreExchange(id, create));
    // Whoever uses the context hears of it.
    this.#core.catch(() => {});
  }

  /** Resolves to what the context tells about itself. */
  async greeting() {
    const core = await this.#core;
    return new Promise((resolve, reject) => {
      this.#greeting.push({ event: (_, body) => resolve(JSON.parse(body)), reject });
      this.#keep(core);
    });
  }

  /**
   * Asks for something by `ask(core)`; `listener.event(kind, body, parts)` is told of what comes, and may answer with a
   * promise to slow it down. Resolves with the last event; `signal` interrupts.
   */
  async call(ask, listener = {}, signal = undefined) {
    if (signal?.aborted) throw cancelled("runCode", signal.reason);
    const core = await this.#core;
    const { call, bytes } = ask(core);
    return new Promise((resolve, reject) => {
      const interrupt = () => {
        this.#shout(core, core.interrupt(call));
        end(reject)(cancelled("runCode", signal.reason));
      };
      const end = (settle) => (value) => {
        signal?.removeEventListener("abort", interrupt);
        settle(value);
      };
      const event = (kind, body, parts) => {
        if (kind !== "done") return listener.event?.(kind, body, parts);
        this.#calls.delete(call);
        end(resolve)(JSON.parse(body));
      };
      signal?.addEventListener("abort", interrupt);
      this.#calls.set(call, { event, reject: end(reject) });
      this.#attached?.say?.(bytes);
      this.#keep(core);
    });
  }

  /** Interrupts whatever runs. */
  async interrupt() {
    const core = await this.#core;
    await this.#shout(core, core.interrupt());
  }

  async #shout(core, bytes) {
    if (this.#attached?.say) return this.#attached.say(bytes);
    // Nobody is attached who could say it: one attachment only for this.
    const { process } = this.#byFile ? await this.#openByFile(core, bytes) : this.#openByInput(core, bytes);
    if (process.stdin) process.closeStdin().catch(() => {});
    await process.result().catch(() => {});
  }

  async #keep(core) {
    clearTimeout(this.#resting);
    if (this.#keeping) return;
    this.#keeping = true;
    try {
      while (core.waiting || this.#greeting.length > 0) await this.#attend(core);
    } catch (error) {
      for (const { reject } of [...this.#greeting.splice(0), ...this.#calls.values()]) reject(error);
      this.#calls.clear();
    } finally {
      this.#keeping = false;
    }
  }

  /** One attachment, and what has to be done before the next. */
  async #attend(core) {
    const { exitCode, stderr, failure, mayPass } = await this.#attach(core);
    const next = core.ended(exitCode, mayPass, stderr);
    if (next === "fail") throw failure;
    // The end of a context may come before its last word.
    if (next === "rest") for (const { event } of [...this.#calls.values()]) event("done", "{}");
    if (next === "put") await putDriver(this.#host, core.language, core.driverPath);
    else if (next !== "rest" && next > 0) await new Promise((resolve) => setTimeout(resolve, next));
  }

  async #attach(core) {
    const opening = core.opening();
    let resting = false;
    let process;
    try {
      // By input nothing is awaited before `#attached` is set: what is asked for from now on has to be said.
      const attached = this.#byFile ? await this.#openByFile(core, opening) : this.#openByInput(core, opening);
      this.#attached = attached;
      ({ process } = attached);
      for await (const chunk of process.stdout) {
        const waits = [];
        const answer = core.push(chunk, { event: (...event) => this.#tell(waits, event) });
        if (answer.length > 0) attached.say?.(answer);
        if (waits.length > 0) await Promise.all(waits);
        if (attached.say && !core.waiting) {
          clearTimeout(this.#resting);
          this.#resting = setTimeout(() => ((resting = true), process.cancel()), REST_MS);
        }
      }
      const { exitCode, stderr } = await process.result();
      return { exitCode, stderr, mayPass: false };
    } catch (failure) {
      process?.cancel();
      const noInput = failure.code === "not_supported" && !this.#byFile;
      if (noInput) this.#byFile = true;
      const broken = failure.code === "protocol_error";
      return { failure, stderr: "", mayPass: noInput || resting || broken || Boolean(failure.retryable) };
    } finally {
      this.#attached = undefined;
      clearTimeout(this.#resting);
    }
  }

  #openByInput(core, opening) {
    const process = this.#exec(core.command(), true);
    // What cannot be written any more, the next attachment opens with.
    const say = (bytes) => process.write(bytes).catch(() => {});
    if (opening.length > 0) say(opening);
    return { process, say };
  }

  async #openByFile(core, opening) {
    const path = `/tmp/.jetway/requests/${crypto.randomUUID()}`;
    await this.#host.writeFile(path, opening);
    return { process: this.#exec(core.command(path), false) };
  }

  #exec(command, stdin) {
    return this.#host.exec(command, { ...this.#place, stdin });
  }

  #tell(waits, [call, kind, body, parts]) {
    const listeners = kind === "hello" ? this.#greeting.splice(0) : [this.#calls.get(call)];
    for (const listener of listeners) {
      const wait = listener?.event(kind, body, parts);
      if (wait) waits.push(wait);
    }
  }
}
