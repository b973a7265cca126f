// A panic of the core is a bug of ours, and after it the instance is not to be trusted: whoever waits for it must hear
// of it, because the promises that it held never settle.

import { JetwayError } from "./errors.js";

const pending = new Set();
let poison;

/** Imported by the core's panic hook. */
export function panicked(message) {
  poison ??= new JetwayError(`the core panicked: ${message}`, { hint: "Please report this: it is a bug in jetway. Reload to go on." });
  for (const reject of pending) reject(poison);
  pending.clear();
}

/** A promise of the core that also settles when the core panics. */
export function guarded(promise) {
  if (poison) return Promise.reject(poison);
  return new Promise((resolve, reject) => {
    pending.add(reject);
    promise.then(
      (value) => (pending.delete(reject), resolve(value)),
      (error) => (pending.delete(reject), reject(poison ?? error)),
    );
  });
}

/** Rejects when the core panics; for whoever waits for something else. */
export function onPanic(reject) {
  if (poison) reject(poison);
  else pending.add(reject);
  return () => pending.delete(reject);
}
