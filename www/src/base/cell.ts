// A value that the page shows. One owner sets it, any number of views follow it; that is all the state
// management there is. Must not know what it holds.

/** Stops a subscription. */
export type Unsubscribe = () => void;

/** What a view may do with a value: read it and follow it. */
export interface Watched<T> {
  readonly value: T;
  subscribe(listener: (value: T) => void): Unsubscribe;
}

/** A watched value and the right to change it. */
export class Cell<T> implements Watched<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** Calls the listener now and after every change. */
  subscribe(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener);
    listener(this.#value);
    return () => this.#listeners.delete(listener);
  }
}
