// Shells that are kept on the server when their connection is lost. Must not know how they are connected again.

import { KeptCall } from "./kept.js";
import { TerminalSession } from "./terminal.js";

/** Whether something is to be kept; what is wrong with it, the core says. */
export function keptOption(keep) {
  return keep !== undefined && keep !== null && keep !== false;
}

/**
 * @param {Promise<object>} ready the core's sandbox, once it is known
 * @param {string[] | undefined} argv
 * @param {object} spec the options of the shell
 * @param {{ process: (open: Function) => object, onState?: (change: object) => void }} host
 */
export function keptSession(ready, argv, spec, { process, onState }) {
  let terminal;
  const tell = (change) => {
    try {
      onState?.(change);
    } catch (error) {
      // A listener that fails must not end the shell; whoever wrote it should see it all the same.
      queueMicrotask(() => {
        throw error;
      });
    }
  };
  const open = async (signal) => {
    terminal = (await ready).terminal(argv, spec);
    return KeptCall.open(terminal, signal, tell);
  };
  const given = typeof spec.keep === "string" ? spec.keep : spec.keep.id;
  return new TerminalSession(process(open), { terminal: () => terminal, id: () => terminal?.id ?? given });
}

/** As the user sees it. */
export function keptTerminal({ createdAtMs, expiresAtMs, ...rest }) {
  const date = (ms) => (ms === undefined ? undefined : new Date(ms));
  return { ...rest, createdAt: date(createdAtMs), expiresAt: date(expiresAtMs) };
}
