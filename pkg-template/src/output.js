// One output of a process between the read loop and its reader. Nobody reads: it is collected, the middle dropped beyond a limit.
// Somebody reads: it is queued, and a full queue stops the loop and so, in the end, the remote process.

const QUEUE_HIGH = 1024 * 1024;
/** Where somebody types: what is shown must not lag behind. */
export const INTERACTIVE_QUEUE_HIGH = 32 * 1024;

export class Output {
  #kept;
  #queue = [];
  #queued = 0;
  #taken = false;
  #dropped = false;
  #stream;
  #waiting;
  #ended = false;
  #failure;
  #changed;
  #high;

  /** @param {() => void} changed called when a full queue has room again */
  constructor(limit, changed, high = QUEUE_HIGH) {
    this.#kept = new MiddleBuffer(limit);
    this.#changed = changed;
    this.#high = high;
  }

  /** Whether the read loop is to wait. */
  get full() {
    return this.#queued > this.#high;
  }

  push(chunk) {
    if (!this.#taken) return this.#kept.push(chunk);
    if (this.#dropped) return;
    if (this.#waiting) {
      this.#waiting.resolve({ done: false, value: chunk });
      this.#waiting = undefined;
      return;
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
  }

  /** Nothing follows; a failure reaches the reader after what came before it. */
  end(failure) {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    if (!this.#waiting) return;
    if (failure) this.#waiting.reject(failure);
    else this.#waiting.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** What nobody streamed. */
  collected() {
    return this.#kept;
  }

  /** The platform's stream, made when it is first asked for. */
  stream() {
    if (this.#stream) return this.#stream;
    const source = this.iterate();
    const stream = new ReadableStream({ pull: (controller) => this.#pull(controller), cancel: () => source.return() }, { highWaterMark: 0 });
    // Iterating needs no queue of the stream's own, and is twice as fast without it.
    let direct = false;
    const lock = () => {
      if (stream.locked) throw new TypeError("the stream is locked: somebody else reads it");
      direct = true;
      stream.getReader();
      return source;
    };
    const define = (name, value) => Object.defineProperty(stream, name, { value, configurable: true, writable: true });
    define(Symbol.asyncIterator, (options) => (direct || options?.preventCancel ? slow(stream, options) : lock()));
    define("values", (options) => (direct || options?.preventCancel ? slow(stream, options) : lock()));
    this.#stream = stream;
    return stream;
  }

  /** Takes the output chunk by chunk. For one reader. */
  iterate() {
    if (this.#taken) throw new TypeError("this output is already being read");
    this.#taken = true;
    this.#queue = [...this.#kept.pieces()];
    this.#queued = this.#kept.length;
    this.#kept = new MiddleBuffer(0);
    const output = this;
    return {
      next: () => output.#next(),
      async return(value) {
        output.#drop();
        return { done: true, value };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #next() {
    const value = this.#queue.shift();
    if (value) {
      const low = this.#high / 4;
      const wasFull = this.#queued > low;
      this.#queued -= value.length;
      if (wasFull && this.#queued <= low) this.#changed();
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  /** Hands over everything that is there, or the next chunk when it comes: without a promise for each. */
  #pull(controller) {
    if (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = [];
      this.#queued = 0;
      for (const chunk of queue) controller.enqueue(chunk);
      this.#changed();
      return undefined;
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return controller.close();
    return new Promise((done, reject) => {
      const resolve = ({ done: over, value }) => {
        if (over) controller.close();
        else controller.enqueue(value);
        done();
      };
      this.#waiting = { resolve, reject };
    });
  }

  #drop() {
    this.#dropped = true;
    this.#queue = [];
    this.#queued = 0;
    this.#failure = undefined;
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    this.#ended = true;
    this.#changed();
  }
}

const slow = (stream, options) => ReadableStream.prototype.values.call(stream, options);

/** The beginning and the end of a byte stream in bounded memory. */
export class MiddleBuffer {
  #head = [];
  #tail = [];
  #first = 0;
  #headRoom;
  #tailLimit;
  #tailLength = 0;
  length = 0;
  truncated = false;

  constructor(limit) {
    this.#headRoom = Math.floor(limit / 2);
    this.#tailLimit = limit - this.#headRoom;
  }

  push(chunk) {
    if (this.#headRoom > 0) {
      const part = chunk.length > this.#headRoom ? chunk.subarray(0, this.#headRoom) : chunk;
      this.#headRoom -= part.length;
      this.length += part.length;
      this.#head.push(part);
      if (part === chunk) return;
      chunk = chunk.subarray(part.length);
    }
    this.#tail.push(chunk);
    this.#tailLength += chunk.length;
    this.length += chunk.length;
    while (this.#tailLength > this.#tailLimit) {
      const oldest = this.#tail[this.#first];
      const excess = Math.min(this.#tailLength - this.#tailLimit, oldest.length);
      if (excess === oldest.length) this.#tail[this.#first++] = undefined;
      else this.#tail[this.#first] = oldest.subarray(excess);
      this.#tailLength -= excess;
      this.length -= excess;
      this.truncated = true;
    }
    if (this.#first > 1024) {
      this.#tail.splice(0, this.#first);
      this.#first = 0;
    }
  }

  *pieces() {
    yield* this.#head;
    for (let i = this.#first; i < this.#tail.length; i++) yield this.#tail[i];
  }

  bytes() {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces()) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
