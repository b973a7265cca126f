// Shells, plain ones and those that are kept on the server when their connection is lost. Must not know how they are
// connected again.

import { readCommand } from "./command.js";
import { KeptCall } from "./kept.js";
import { checkOptions } from "./options.js";
import { Process } from "./process.js";
import { TerminalSession, checkSize } from "./terminal.js";

/**
 * Opens a shell, or another command, in a terminal.
 * @param {Promise<object>} ready the core's sandbox, once it is known
 * @param {(command: string[], container?: string) => Process} exec runs a command beside it
 */
export function openShell(ready, exec, options) {
  const { command, cols = 80, rows = 24, signal, onState, ...rest } = checkOptions("shell", options, "shell");
  checkSize(cols, rows);
  const argv = command === undefined ? undefined : readCommand(command, "shell");
  const spec = { ...rest, cols, rows };
  const beside = (line) => exec(line, rest.container);
  const process = (open) => new Process(open, beside, argv ?? ["shell"], { tty: true, signal });
  const { keep } = rest;
  // What is wrong with it otherwise, the core says.
  if (keep !== undefined && keep !== null && keep !== false) return keptShell(ready, argv, spec, process, onState);
  return new TerminalSession(process(async (stop) => (await ready).shell(argv, { ...spec, signal: stop })));
}

function keptShell(ready, argv, spec, process, onState) {
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

/** The terminals that the server keeps. `call` gives the core's sandbox to whoever asks. */
export async function listTerminals(call, options) {
  const known = checkOptions("call", options, "terminals");
  return (await call((core) => core.terminals(known))).map(keptTerminal);
}

/** Ends one of them. */
export async function endTerminal(call, id, options) {
  const { signal } = checkOptions("call", options, "endTerminal");
  return call((core) => core.endTerminal(String(id), signal));
}

/** As the user sees it. */
function keptTerminal({ createdAtMs, expiresAtMs, ...rest }) {
  const date = (ms) => (ms === undefined ? undefined : new Date(ms));
  return { ...rest, createdAt: date(createdAtMs), expiresAt: date(expiresAtMs) };
}
