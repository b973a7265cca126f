// A call that outlives its connections: to the process it is one stream, whatever happens to what carries it. When to
// connect again is the core's decision; waiting for it, and noticing that the network is back, is the host's part.

import { cancelled } from "./errors.js";
import { guarded } from "./panic.js";

const READY = 1;
const DROPPED = 4;

export class KeptCall {
  #terminal;
  #signal;
  #tell;
  #call;
  #reading;
  #connected;
  #attempt = 0;
  #dropped = 0;
  #timer;
  #asking;
  #heard = true;
  #waiting = false;
  #lose;

  /**
   * @param {object} terminal the core's
   * @param {AbortSignal} signal ends it
   * @param {(change: object) => void} tell hears what the connection does
   */
  static async open(terminal, signal, tell) {
    const kept = new KeptCall();
    kept.#terminal = terminal;
    kept.#signal = signal;
    kept.#tell = tell;
    await kept.#connect();
    return kept;
  }

  get reader() {
    return { read: () => this.#read(), cancel: () => this.#call?.reader.cancel() };
  }

  get transport() {
    return this.#call?.transport;
  }

  get exitCode() {
    return this.#call?.exitCode;
  }

  push(chunk, sink) {
    const happened = this.#call.push(chunk, sink);
    if (happened & DROPPED) {
      const { dropped } = this.#terminal;
      this.#tell({ state: "dropped", bytes: dropped - this.#dropped });
      this.#dropped = dropped;
    }
    if (happened & READY) {
      this.#attempt = 0;
      this.#taking();
      const { kept, resumed } = this.#terminal;
      this.#tell({ state: "open", kept, resumed });
    }
    return happened;
  }

  finish() {
    return this.#call.finish();
  }

  /** What the reader threw is an error already. */
  failure(thrown) {
    return thrown;
  }

  async sendInput(bytes) {
    await this.#connected?.promise;
    return this.#call?.sendInput(bytes);
  }

  /** Its end is not the terminal's: whoever comes back may type again. */
  closeInput() {
    return this.#terminal.kept ? undefined : this.#call?.closeInput();
  }

  resize(cols, rows) {
    this.#call?.resize(cols, rows);
  }

  signalCommand(signal) {
    return this.#call?.signalCommand(signal);
  }

  cancel() {
    this.#call?.cancel();
  }

  free() {
    this.#stop();
    this.#taking();
    this.#call?.free();
    this.#call = undefined;
  }

  /** Whoever waits to write goes on. */
  #taking() {
    this.#connected?.resolve();
    this.#connected = undefined;
  }

  async #connect() {
    this.#call = await guarded(this.#terminal.open(this.#signal));
    this.#reading = this.#call.reader;
    this.#connected ??= promised();
    if (this.#terminal.kept === false) return;
    this.#heard = true;
    this.#timer = setInterval(() => this.#look(), this.#terminal.pingMs);
    this.#timer.unref?.();
    globalThis.addEventListener?.("online", this.#look);
    globalThis.document?.addEventListener("visibilitychange", this.#look);
  }

  /** Asks the server whether it is there; what it says is heard by whoever reads. */
  #look = () => {
    if (this.#call === undefined || this.#asking) return;
    // A reader that is not asked for more hears nothing, and means nothing by it.
    if (!this.#waiting) return;
    this.#heard = false;
    this.#asking = setTimeout(() => {
      this.#asking = undefined;
      if (!this.#heard && this.#waiting) this.#lose?.(this.#terminal.silent());
    }, ANSWER_MS);
    this.#asking.unref?.();
    this.#call.ping();
  };

  /** The next chunk, of whichever connection. */
  async #read() {
    for (;;) {
      let error;
      try {
        const next = await this.#chunk();
        // After the exit, and where nothing is kept, an end is the end.
        if (!next.done || !this.#terminal.kept) return next;
        this.#call.finish();
        return next;
      } catch (thrown) {
        error = thrown;
      }
      // What goes wrong after the exit does not change it.
      if (this.exitCode !== undefined) return { done: true, value: undefined };
      await this.#reconnect(error);
    }
  }

  #chunk() {
    return new Promise((resolve, reject) => {
      this.#waiting = true;
      this.#lose = reject;
      const call = this.#call;
      const settle = (act) => (value) => {
        // A connection that was given up may say something yet.
        if (call !== this.#call || this.#lose !== reject) return;
        this.#waiting = false;
        this.#heard = true;
        act(value);
      };
      Promise.resolve(this.#reading.read()).then(
        settle(resolve),
        settle((thrown) => reject(call.failure(thrown))),
      );
    });
  }

  async #reconnect(error) {
    this.#stop();
    this.#waiting = false;
    this.#lose = undefined;
    for (let failure = error; ; ) {
      const delayMs = this.#signal.aborted ? undefined : this.#terminal.retryAfter();
      if (delayMs === undefined) {
        this.#taking();
        throw failure;
      }
      this.#connected ??= promised();
      this.#attempt++;
      this.#tell({ state: "reconnecting", attempt: this.#attempt, delayMs, error: failure });
      await pause(delayMs, this.#signal);
      if (this.#signal.aborted) {
        this.#taking();
        throw cancelled("the terminal", this.#signal.reason);
      }
      const lost = this.#call;
      try {
        await this.#connect();
        lost?.cancel();
        lost?.free();
        return;
      } catch (thrown) {
        failure = thrown;
      }
    }
  }

  #stop() {
    clearInterval(this.#timer);
    clearTimeout(this.#asking);
    this.#asking = undefined;
    globalThis.removeEventListener?.("online", this.#look);
    globalThis.document?.removeEventListener("visibilitychange", this.#look);
  }
}

/** A server that is there answers in much less. */
const ANSWER_MS = 8000;

function promised() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Waits, but no longer than until the network is back. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    globalThis.addEventListener?.("online", end);
    signal.addEventListener("abort", end);
  });
}
