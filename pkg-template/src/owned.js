// The sandboxes that end with this program: those that it made, unless they are `detached`, and those that a session
// adopted. What the end of a program is, the entry file of its runtime knows.

import { ConfigurationError } from "./errors.js";
import { runtimeOf } from "./load.js";

const owned = new Map();
let ends;
let signalHandlers;

/** From now on it ends with this program. The first one has the program's end watched. */
export function own(sandbox, client) {
  for (const [known] of owned) if (hasEnded(known)) owned.delete(known);
  owned.set(sandbox, client);
  ends ??= runtimeOf().watchEnd?.({ count: () => owned.size, deleteAll, farewells }, signalHandlers) ?? {};
}

/** It has ended, or is somebody else's. */
export function disown(sandbox) {
  owned.delete(sandbox);
}

/** Whether signals are this package's to handle too. Has to be said before the first sandbox. */
export function setSignalHandlers(wanted) {
  if (ends && !wanted) {
    throw new ConfigurationError("signalHandlers: there is a sandbox already, and with it the handlers", {
      hint: "Call configure({ signalHandlers: false }) before the first sandbox",
    });
  }
  signalHandlers = wanted;
}

/** Stops every sandbox that would end with this program, and waits for their ends. */
export async function cleanupAll(options) {
  const ending = take();
  const outcomes = await Promise.allSettled(ending.map((sandbox) => sandbox.stop({ missingOk: true, ...options })));
  const failures = outcomes.flatMap(({ reason }) => reason ?? []);
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of ${ending.length} sandboxes could not be stopped`);
}

/** As cleanupAll(), but waits only until the server knows, and leaves what fails to the sandboxes' lifetimes. */
async function deleteAll() {
  await Promise.allSettled(take().map((sandbox) => sandbox.delete({ missingOk: true })));
}

/** For a program that has no time to wait: the requests that delete what is left, ready to be sent. */
function farewells() {
  const left = [...owned].flatMap(([sandbox, client]) => (hasEnded(sandbox) ? [] : (client._farewell(sandbox.sandboxId) ?? [])));
  owned.clear();
  return left;
}

function take() {
  const taken = [...owned.keys()];
  owned.clear();
  return taken.filter((sandbox) => !hasEnded(sandbox));
}

const hasEnded = ({ status }) => status === "completed" || status === "failed" || status === "terminated";
