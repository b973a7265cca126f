// How a sandbox is asked for: a command as strings or as one array, and options under any of their names.

import { checkOptions } from "./options.js";

/** Where short-lived files go. */
export const DEFAULT_TEMP_DIR = "/tmp";

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
  if (options.tempDir !== undefined && !options.tempDir?.startsWith?.("/")) throw new TypeError(`${where}: tempDir must be an absolute path`);
  if (Array.isArray(options.containers)) options.containers = options.containers.map((it) => readContainer(it, where));
  if (listed.length > 0 && options.command !== undefined) {
    throw new TypeError(`${where}: give the command as arguments or as an option, not both`);
  }
  const command = argv(listed.length > 0 ? listed : options.command, options.args, where);
  delete options.command;
  delete options.args;
  return { command, options };
}

function readContainer(given, where) {
  const { command, args, ...rest } = checkOptions("container", given, `${where}: containers`);
  return { ...rest, command: argv(command, args, where) };
}

/** A command, as text or as an array, with its arguments. */
function argv(command, args, where) {
  const program = command == null ? [] : [command].flat();
  if (args != null && program.length === 0) throw new TypeError(`${where}: args need a command`);
  const whole = [...program, ...(args ?? [])];
  for (const part of whole) text("command", part);
  return whole;
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
