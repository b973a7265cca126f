// What a sandbox's main command printed, as it comes. Going on after a broken connection is the core's; here are the shapes.

import { guarded } from "./panic.js";
import { lines } from "./text.js";

export class LogStream {
  #open;
  #stop = new AbortController();
  #position;
  #taken = false;
  #stream;

  /** @param {(signal: AbortSignal) => Promise<object>} open opens the log in the core @internal */
  constructor(open, signal) {
    const abort = () => this.#stop.abort(signal.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { signal: this.#stop.signal });
    this.#open = open(this.#stop.signal);
    // Whoever reads hears of it.
    this.#open.catch(() => {});
  }

  /** Where it has come: `{ sessionId, offset }`, for `resume`. undefined before the first piece. */
  get position() {
    return this.#position;
  }

  /** Its lines, without their ends. */
  lines() {
    return lines(this.#bytes());
  }

  [Symbol.asyncIterator]() {
    return this.lines();
  }

  /** The bytes, as the platform's own stream. */
  get stream() {
    if (this.#stream) return this.#stream;
    const source = this.#bytes();
    this.#stream = new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await source.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => this.cancel(),
      },
      { highWaterMark: 0 },
    );
    return this.#stream;
  }

  /** All of it, once it ended. */
  async text() {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#bytes()) text += decoder.decode(chunk, { stream: true });
    return text + decoder.decode();
  }

  /** The pieces with when they were printed and where they end: `{ data, timestamp, position }`. */
  async *chunks() {
    if (this.#taken) throw new TypeError("this log is already being read");
    this.#taken = true;
    let core;
    try {
      core = await guarded(this.#open);
      for (;;) {
        const piece = await guarded(core.next());
        if (piece === undefined) return;
        const [data, ms, sessionId, offset] = piece;
        this.#position = Object.freeze({ sessionId, offset });
        yield { data, timestamp: ms === undefined ? undefined : new Date(ms), position: this.#position };
      }
    } finally {
      this.cancel();
      core?.free();
    }
  }

  /** Ends it. */
  cancel() {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose]() {
    this.cancel();
  }

  async *#bytes() {
    for await (const { data } of this.chunks()) yield data;
  }
}
