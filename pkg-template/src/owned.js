// The sandboxes that end with this program: those that it made, unless they are `detached`, and those that a session
// adopted. What the end of a program is, the entry file of its runtime knows.

import { runtimeOf } from "./load.js";

const owned = new Map();
let watched = false;

/** From now on it ends with this program. */
export function own(sandbox, client) {
  for (const [known] of owned) if (hasEnded(known)) owned.delete(known);
  owned.set(sandbox, client);
  if (watched) return;
  watched = true;
  runtimeOf().watchEnd?.({ count: () => owned.size, stopAll: cleanupAll });
}

/** It has ended, or is somebody else's. */
export function disown(sandbox) {
  owned.delete(sandbox);
}

/** Stops every sandbox that would end with this program; failures are left to the sandboxes' lifetimes. */
export async function cleanupAll(options = { gracefulShutdownSeconds: 0 }) {
  const ending = [...owned.keys()];
  owned.clear();
  await Promise.allSettled(ending.map((sandbox) => sandbox.stop({ missingOk: true, ...options })));
}

const hasEnded = ({ status }) => status === "completed" || status === "failed" || status === "terminated";
