// A process in a sandbox. The core opens its stream and judges its frames; the loop that reads the chunks is here,
// because chunks are JavaScript's: what a process prints goes from the network to its reader without a copy.

import { SandboxCommandTimeoutError, SandboxExecutionError, SandboxWaitTimeoutError, cancelled, invalid } from "./errors.js";
import { INTERACTIVE_QUEUE_HIGH, Output } from "./output.js";
import { guarded, onPanic } from "./panic.js";
import { processResult } from "./result.js";
import { Stdin } from "./stdin.js";
import { LineCutter, lines } from "./text.js";

const DEFAULT_MAX_BUFFER_BYTES = 64 * 1024 * 1024;
const READY = 1;
const EXITED = 2;

export class Process {
  #command;
  #check;
  #stdout;
  #stderr;
  #stdin;
  #hasStdin;
  #call;
  #stop = new AbortController();
  #started = performance.now();
  #ready;
  #taking;
  #exitCode;
  #outcome;
  #wake;
  #beside;
  #opened;
  #transport;

  /**
   * @param {(signal: AbortSignal) => Promise<object>} open opens the stream in the core
   * @param {(command: string[]) => Process} beside runs a command in the same place
   * @internal
   */
  constructor(open, beside, command, options) {
    const limit = options.maxBufferBytes ?? DEFAULT_MAX_BUFFER_BYTES;
    const room = () => this.#wake?.();
    this.#command = Object.freeze([...command]);
    this.#check = options.check ?? false;
    this.#beside = beside;
    this.#stdout = new Output(limit, room, options.tty ? INTERACTIVE_QUEUE_HIGH : undefined);
    this.#stderr = new Output(limit, room);
    this.#taking = new Promise((resolve) => (this.#ready = resolve));
    this.#stdin = new Stdin(() => this.#takingCall());
    this.#hasStdin = Boolean(options.stdin || options.tty) && options.input === undefined;
    const opening = this.#open(open, options.signal);
    this.#opened = opening.catch(() => undefined);
    this.#outcome = this.#run(opening, options.signal);
    // Whoever waits gets the failure; a process that nobody waits for must not end the program.
    this.#outcome.catch(() => {});
    const feed = () => (options.input === undefined || options.fed?.() ? undefined : this.#stdin.feed(options.input));
    opening.then(feed, () => {}).catch((error) => this.cancel(error));
  }

  /** How it ended; waiting for it changes nothing. @internal */
  get _end() {
    return this.#outcome;
  }

  // What it prints.

  get stdout() {
    return this.#stdout.stream();
  }

  get stderr() {
    return this.#stderr.stream();
  }

  /** Live lines: of stdout, of stderr, or of both as they come. */
  lines(which = "stdout") {
    if (which === "stdout") return lines(this.#stdout.iterate());
    if (which === "stderr") return lines(this.#stderr.iterate());
    if (which === "all") return this.#allLines();
    throw invalid("which", `must be "stdout", "stderr" or "all", got ${JSON.stringify(which)}`);
  }

  [Symbol.asyncIterator]() {
    return this.lines();
  }

  /** All of stdout as text, once it ended. */
  async text() {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#stdout.iterate()) text += decoder.decode(chunk, { stream: true });
    text += decoder.decode();
    await this.#outcome;
    return text;
  }

  /** Feeds stdout into another process; returns that one. */
  pipe(other) {
    if (!other?.stdin) throw new TypeError("pipe: the other process has no stdin; give it { stdin: true }");
    this.stdout.pipeTo(other.stdin).catch((error) => other.cancel(error));
    return other;
  }

  // What it reads.

  get stdin() {
    return this.#hasStdin ? this.#stdin.stream() : undefined;
  }

  get stdinClosed() {
    return !this.#hasStdin || this.#stdin.closed;
  }

  write(data) {
    this.#needStdin("write");
    return this.#stdin.write(data);
  }

  writeLine(text) {
    return this.write(`${text}\n`);
  }

  closeStdin() {
    this.#needStdin("closeStdin");
    return this.#stdin.close();
  }

  // How it ends.

  get command() {
    return this.#command;
  }

  /** undefined while it runs. */
  get exitCode() {
    return this.#exitCode;
  }

  get returncode() {
    return this.#exitCode;
  }

  /** How it is connected: "fetch", "duplex", "websocket" or "http2"; undefined until it is. */
  get transport() {
    return this.#transport;
  }

  poll() {
    return this.#exitCode;
  }

  /** Its result. A limit here ends the waiting, not the process. */
  result(options = {}) {
    return limited(this.#outcome, options, this.#command[0]);
  }

  /** Its exit code, also when `check` makes a result of it an error. */
  async wait(options = {}) {
    try {
      return (await this.result(options)).exitCode;
    } catch (error) {
      if (error instanceof SandboxExecutionError && error.result?.exitCode > 0) return error.result.exitCode;
      throw error;
    }
  }

  then(fulfilled, rejected) {
    return this.#outcome.then(fulfilled, rejected);
  }

  catch(rejected) {
    return this.#outcome.catch(rejected);
  }

  finally(act) {
    return this.#outcome.finally(act);
  }

  /**
   * Sends a signal to the process and its children; resolves to whether there was one to signal. Without a name, or with
   * KILL, the process is ended as by cancel().
   */
  async kill(signal = "KILL") {
    // One that is over has nothing to signal; one that is not open yet is not there to be signalled.
    await this.#opened;
    if (!this.#call || this.#stop.signal.aborted) return false;
    const command = this.#call.signalCommand(String(signal));
    if (command) return (await this.#beside(command)).exitCode === 0;
    this.cancel();
    await this.#outcome.catch(() => {});
    return true;
  }

  /** Ends the process: the server kills its process group. Whoever waits gets a CancelledError. */
  cancel(reason) {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(reason);
    this.#call?.cancel();
    this.#wake?.();
  }

  async [Symbol.asyncDispose]() {
    if (this.#exitCode === undefined) this.cancel();
    await this.#outcome.catch(() => {});
  }

  /** Settles when it is known whether it could be started. @internal */
  async _opening() {
    if (!(await this.#opened)) await this.#outcome;
  }

  /** @internal */
  async _resize(cols, rows) {
    (await this.#takingCall())?.resize(cols, rows);
  }

  /** The call once the process takes input; undefined when it is over. */
  async #takingCall() {
    await this.#taking;
    return this.#call;
  }

  async #open(open, signal) {
    if (signal?.aborted) this.#stop.abort(signal.reason);
    if (this.#stop.signal.aborted) throw cancelled("exec", this.#stop.signal.reason);
    const call = await guarded(open(this.#stop.signal));
    this.#call = call;
    this.#transport = call.transport;
    // A cancel that came while the stream was being opened had no call to act on.
    if (this.#stop.signal.aborted) call.cancel();
    return call;
  }

  async #run(opening, signal) {
    const abort = () => this.cancel(signal.reason);
    signal?.addEventListener("abort", abort);
    let failure;
    try {
      const call = await opening;
      await guarded(this.#follow(call));
    } catch (error) {
      failure = this.#stop.signal.aborted ? withCause(error, this.#stop.signal.reason) : error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    const result = processResult({
      command: this.#command,
      exitCode: this.#exitCode ?? -1,
      stdout: this.#stdout.collected(),
      stderr: this.#stderr.collected(),
      durationMs: performance.now() - this.#started,
      timedOut: failure instanceof SandboxCommandTimeoutError,
    });
    this.#stdout.end(failure);
    this.#stderr.end(failure);
    this.#ready();
    if (failure) throw withResult(failure, result);
    if (this.#check && !result.ok) throw failedCheck(result);
    return result;
  }

  /** Reads to the exit. What comes after it is only the end of the call. */
  async #follow(call) {
    const { reader } = call;
    const stdout = this.#stdout;
    const stderr = this.#stderr;
    let chunk;
    const sink = {
      view: (tag, start, end) =>
        (tag === 2 ? stderr : stdout).push(new Uint8Array(chunk.buffer, chunk.byteOffset + start, end - start)),
      bytes: (tag, bytes) => (tag === 2 ? stderr : stdout).push(bytes),
    };
    try {
      for (;;) {
        while ((stdout.full || stderr.full) && !this.#stop.signal.aborted) await new Promise((wake) => (this.#wake = wake));
        let next;
        try {
          next = await reader.read();
        } catch (error) {
          throw call.failure(error);
        }
        if (next.done) {
          this.#exitCode = call.finish();
          break;
        }
        chunk = next.value;
        const happened = call.push(chunk, sink);
        if (happened & READY) this.#ready();
        if (happened & EXITED) {
          this.#exitCode = call.exitCode;
          break;
        }
      }
    } finally {
      this.#call = undefined;
      this.#ready();
      release(call, reader);
    }
  }

  async *#allLines() {
    const sources = [this.#stdout.iterate(), this.#stderr.iterate()].map((source) => ({ source, cutter: new LineCutter() }));
    const pending = new Map(sources.map((it) => [it, it.source.next()]));
    try {
      while (pending.size > 0) {
        const { it, step } = await Promise.race([...pending].map(async ([it, next]) => ({ it, step: await next })));
        if (step.done) {
          pending.delete(it);
          yield* it.cutter.end();
        } else {
          pending.set(it, it.source.next());
          yield* it.cutter.push(step.value);
        }
      }
    } finally {
      for (const { source } of sources) await source.return();
    }
  }

  #needStdin(method) {
    if (!this.#hasStdin) throw new TypeError(`${method}: this process was started without { stdin: true }`);
  }
}

/** Lets a call that is over end by itself, so that its connection can be used again; not for ever. */
async function release(call, reader) {
  const timer = setTimeout(() => call.cancel(), 1000);
  timer.unref?.();
  try {
    while (!(await reader.read()).done);
  } catch {
    // Why a finished call broke off matters to nobody.
  } finally {
    clearTimeout(timer);
    call.free();
  }
}

function withResult(error, result) {
  if (error instanceof Error && !("result" in error)) {
    Object.defineProperty(error, "result", { value: result, enumerable: false, configurable: true, writable: true });
  }
  return error;
}

function withCause(error, cause) {
  if (error?.code !== "cancelled") return cancelled("the process", cause);
  if (cause !== undefined && error.cause === undefined) error.cause = cause;
  return error;
}

function failedCheck(result) {
  const last = result.stderr.trimEnd().split("\n").pop().trim().slice(0, 200);
  const message = `${result.command[0]} exited with code ${result.exitCode}${last && `: ${last}`}`;
  return withResult(new SandboxExecutionError(message, { metadata: { exit_code: String(result.exitCode) } }), result);
}

/** `promise`, but no longer than asked. */
export function limited(promise, { timeoutMs, signal } = {}, what) {
  if (timeoutMs === undefined && !signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => end(reject)(cancelled(`waiting for ${what}`, signal.reason));
    const late = () =>
      end(reject)(new SandboxWaitTimeoutError(`${what} has not ended within ${timeoutMs} ms; it goes on`, { grpcCode: 4 }));
    const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
    const forget = onPanic(reject);
    const end = (settle) => (value) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      forget();
      settle(value);
    };
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort);
    promise.then(end(resolve), end(reject));
  });
}
