// Chunks between a connection that pushes and a reader that pulls. Must not know what carries them, nor how the sender is
// slowed down: it only says how much is here and how much was taken.

export class Inbox {
  #queue = [];
  #at = 0;
  #waiting;
  #ended = false;
  #failure;
  #arrival;
  #taken;
  /** How many bytes nobody has taken yet. */
  bytes = 0;

  /** @param {(bytes: number) => void} taken told of each chunk that the reader took */
  constructor(taken) {
    this.#taken = taken;
  }

  push(value) {
    if (this.#ended) return;
    if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ done: false, value });
      this.#taken(value.length);
      return;
    }
    this.#queue.push(value);
    this.bytes += value.length;
    this.#arrival?.();
  }

  /** Nothing follows; a failure reaches the reader after what came before it. */
  end(failure) {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#arrival?.();
    if (!this.#waiting) return;
    if (failure) this.#waiting.reject(failure);
    else this.#waiting.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** Resolves when there is a chunk, or the end. */
  arrived() {
    return this.bytes > 0 || this.#ended ? undefined : new Promise((resolve) => (this.#arrival = resolve));
  }

  /** The first chunk, left where it is. */
  first() {
    return this.#queue[this.#at];
  }

  /** The next chunk: at once when it is here, else as a promise. */
  read() {
    if (this.#at < this.#queue.length) {
      const value = this.#queue[this.#at];
      this.#queue[this.#at++] = undefined;
      if (this.#at === this.#queue.length) {
        this.#queue = [];
        this.#at = 0;
      }
      this.bytes -= value.length;
      this.#taken(value.length);
      return { done: false, value };
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }
}
