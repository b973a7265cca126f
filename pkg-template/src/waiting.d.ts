// Waiting for several things at once.
import type { CallOptions, Process, Sandbox, TerminalSession } from "./index.js";

/** What can be waited for: a sandbox until it runs, a process or a terminal until it has ended, a promise until it settles. */
export type Waitable = Sandbox | Process | TerminalSession | PromiseLike<unknown>;

/** What each of them comes to, in their order; rejects with the first that does. Of one thing: what it comes to. */
export function results<const T extends readonly PromiseLike<unknown>[]>(all: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
export function results<T>(all: Iterable<PromiseLike<T>>): Promise<Awaited<T>[]>;
export function results<T>(one: PromiseLike<T>): Promise<Awaited<T>>;
export { results as get, results as result };

export interface WaitOptions extends CallOptions {
  /** How many have to be done. Default: all. */
  numReturns?: number | undefined;
}

/**
 * Waits until all of them are done, or `numReturns`, or `timeoutMs` are over: `[done, pending]`, each in the order of the
 * items. What failed is done, too.
 */
export function wait<T extends Waitable>(items: Iterable<T>, options?: WaitOptions): Promise<[done: T[], pending: T[]]>;
