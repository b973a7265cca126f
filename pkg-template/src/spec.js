// How a sandbox is asked for: a command as strings or as one array, and options under any of their names.

import { checkOptions } from "./options.js";

/** Reads `(...command, options)`, `([command], options)` or `(options)`. */
export function readRun(args, where) {
  const last = args.at(-1);
  const given = args.length > 0 && typeof last !== "string" && !Array.isArray(last) ? args.slice(0, -1) : args;
  const options = { ...checkOptions("run", given.length < args.length ? last : undefined, where) };
  const listed = Array.isArray(given[0]) ? given[0] : given;
  if (Array.isArray(given[0]) && given.length > 1) throw new TypeError(`${where}: give the command as one array, or as strings`);
  alias(where, options, "containerImage", "image");
  alias(where, options, "environmentVariables", "env");
  if (options.fileSystemSnapshot != null) options.volumes = [workspace(options.fileSystemSnapshot), ...(options.volumes ?? [])];
  delete options.fileSystemSnapshot;
  if (listed.length > 0 && options.command !== undefined) {
    throw new TypeError(`${where}: give the command as arguments or as an option, not both`);
  }
  const command = listed.length > 0 ? listed : options.command === undefined ? [] : [options.command].flat();
  if (options.args !== undefined && command.length === 0) throw new TypeError(`${where}: args need a command`);
  const whole = [...command, ...(options.args ?? [])];
  delete options.command;
  delete options.args;
  for (const part of whole) text("command", part);
  return { command: whole, options };
}

/** The older way to ask for one scratch volume. */
function workspace(asked) {
  const { fileSystemSnapshotId, ...volume } = checkOptions("fileSystemSnapshot", asked, "fileSystemSnapshot");
  if (fileSystemSnapshotId !== undefined) volume.snapshotId ??= fileSystemSnapshotId;
  return volume;
}

function alias(where, options, from, to) {
  if (options[from] === undefined) return;
  if (options[to] !== undefined) throw new TypeError(`${where}: ${from} and ${to} are the same option; give one`);
  options[to] = options[from];
  delete options[from];
}

export function text(field, value) {
  if (typeof value !== "string") throw new TypeError(`${field} must be a string, got ${value === null ? "null" : typeof value}`);
  return value;
}
