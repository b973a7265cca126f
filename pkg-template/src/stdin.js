// The way into a process: waits until it takes input, cuts into chunks, holds writers back. Must not know transports.

import { toBytes } from "./text.js";

const CHUNK = 64 * 1024;
const QUEUE = 1024 * 1024;

export class Stdin {
  #call;
  #last = Promise.resolve();
  #closed = false;
  #stream;

  /** @param {() => Promise<object | undefined>} call the open call once the process takes input, undefined when it is over */
  constructor(call) {
    this.#call = call;
  }

  get closed() {
    return this.#closed;
  }

  /** The platform's stream over the same way in. */
  stream() {
    this.#stream ??= new WritableStream(
      {
        write: (data) => this.write(data),
        close: () => this.close(),
        abort: () => this.close(),
      },
      { highWaterMark: QUEUE, size: (data) => data?.byteLength ?? data?.length ?? 1 },
    );
    return this.#stream;
  }

  /** Resolves when there is room for more. What is written after the process ended is dropped, as a pipe would do. */
  write(data) {
    if (this.#closed) return Promise.reject(new TypeError("stdin is closed"));
    const bytes = toBytes(data, "stdin");
    let sent = this.#then(() => {});
    for (let at = 0; at < bytes.length; at += CHUNK) sent = this.#then((call) => call.sendInput(bytes.subarray(at, at + CHUNK)));
    return sent;
  }

  close() {
    if (this.#closed) return this.#last;
    this.#closed = true;
    return this.#then((call) => call.closeInput());
  }

  /** Writes all of a source, then closes. */
  async feed(source) {
    for await (const data of pieces(source)) await this.write(data);
    await this.close();
  }

  #then(act) {
    const done = this.#last.then(async () => {
      const call = await this.#call();
      if (call) await act(call);
    });
    this.#last = done.catch(() => {});
    return done;
  }
}

function pieces(source) {
  if (source instanceof Blob) return streamOf(source.stream());
  if (source instanceof ReadableStream) return streamOf(source);
  if (typeof source?.[Symbol.asyncIterator] === "function") return source;
  return [toBytes(source, "input")];
}

/** Iterates a stream also where the platform's own cannot be iterated yet. */
export async function* streamOf(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
