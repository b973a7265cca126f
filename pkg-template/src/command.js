// A command on its way to a process: what may be given as one, the shell that a line goes to, and input where nothing
// can be sent to a running process.

import { guarded } from "./panic.js";
import { text } from "./spec.js";

/** The line is `$0`: no shell sees it but the one that is to run it. */
const IN_SHELL = 'command -v bash >/dev/null 2>&1 && exec bash -c "$0"; exec sh -c "$0"';
/** `$0` is the file that is read as input, and gone once it is open. */
const FROM_FILE = 'exec 3<"$0" && rm -f -- "$0" && exec "$@" <&3 3<&-';

/** The command of a line for the shell: bash where there is one. */
export const inShell = (line) => ["/bin/sh", "-c", IN_SHELL, line];

export function readCommand(command, where) {
  if (typeof command === "string") {
    throw new TypeError(`${where}: the command must be an array, e.g. ${JSON.stringify(command.split(" "))}; for a shell line use ["sh", "-c", line]`);
  }
  if (!Array.isArray(command)) throw new TypeError(`${where}: the command must be an array of strings, got ${command === null ? "null" : typeof command}`);
  for (const part of command) text("command", part);
  return command;
}

/**
 * How a process is opened, and whether its input went ahead as a file: what is known up front can always be given.
 * @param {() => Promise<object>} ready the core's sandbox
 * @param {object} sandbox whose files it may use
 */
export function opener(ready, { files, tempDir }, argv, spec, input) {
  let fed = false;
  const open = async (stop) => {
    const core = await ready();
    try {
      return await guarded(core.exec(argv, { ...spec, signal: stop }));
    } catch (error) {
      if (input === undefined || error?.code !== "not_supported") throw error;
      fed = true;
      const path = `${tempDir}/.jetway-input-${crypto.randomUUID()}`;
      await files.write(path, input, { container: spec.container, signal: stop });
      return guarded(core.exec(["/bin/sh", "-c", FROM_FILE, path, ...argv], { ...spec, stdin: false, signal: stop }));
    }
  };
  return { open, fed: () => fed };
}
