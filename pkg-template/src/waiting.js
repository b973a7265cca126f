// Waiting for several things at once: for all of them in order, or for the first few.

import { cancelled } from "./errors.js";
import { checkOptions } from "./options.js";
import { Process } from "./process.js";
import { Sandbox } from "./sandbox.js";
import { TerminalSession } from "./terminal.js";

/** What one thing comes to, or what all of them come to, in their order. */
export async function results(one) {
  return typeof one?.then !== "function" && typeof one?.[Symbol.iterator] === "function" ? Promise.all(one) : one;
}

export { results as get, results as result };

/** Waits until so many of them are done; gives `[done, pending]`, each in the order of the items. */
export async function wait(items, options) {
  const { numReturns, timeoutMs, signal } = checkOptions("wait", options, "wait");
  const all = [...items];
  if (numReturns !== undefined && !(Number.isInteger(numReturns) && numReturns >= 1)) {
    throw new RangeError(`numReturns must be a whole number from 1, got ${numReturns}`);
  }
  if (signal?.aborted) throw cancelled("wait", signal.reason);
  const wanted = Math.min(numReturns ?? all.length, all.length);
  const done = new Set();
  // Nobody goes on asking for what is no longer waited for.
  const enough = new AbortController();
  let timer;
  let abort;
  try {
    await new Promise((resolve, reject) => {
      if (wanted === 0) resolve();
      if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
      abort = () => reject(cancelled("wait", signal.reason));
      signal?.addEventListener("abort", abort);
      for (const [at, item] of all.entries()) {
        const count = () => {
          if (done.size < wanted) done.add(at);
          if (done.size === wanted) resolve();
        };
        ended(item, enough.signal).then(count, count);
      }
    });
    return [all.filter((_, at) => done.has(at)), all.filter((_, at) => !done.has(at))];
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    enough.abort();
  }
}

/** A sandbox that runs, a process that has ended, anything else that has settled. */
async function ended(item, signal) {
  if (item instanceof Sandbox || item instanceof Process || item instanceof TerminalSession) return item.wait({ signal });
  return item;
}
