// Remote functions: what of them must be there before one is called. The parser and the rest are loaded by the first
// call, so that nobody else pays for them.

import { cancelled } from "./errors.js";
import { checkOptions } from "./options.js";

const MOST_AT_ONCE = 16;
/** Where the default image could not run it. */
const IMAGES = { javascript: "node:22" };
/** What is the call's; everything else is the sandbox's. */
const OF_CALLS = ["container", "tempDir", "onStdout", "onStderr", "timeoutMs", "signal"];

/**
 * A function that runs in a sandbox.
 * @param {{ language: string, options: string, use: (options: object, act: (sandbox: object) => Promise) => Promise }} place
 * where it runs; `options` is the name of the table of what it takes
 */
function remoteFunction(place, definition, given, where) {
  const options = { ...checkOptions(place.options, given, where) };
  let preparing;
  const prepared = () => (preparing ??= import("./functions.js").then(({ prepare }) => prepare(place.language, definition, options)));
  const run = async (args, signal = options.signal) => {
    const { call } = await prepared();
    if (signal?.aborted) throw cancelled("a remote function", signal.reason);
    return call(args, signal, place.use);
  };
  const remote = (...args) => run(args);
  return Object.assign((...args) => run(args), {
    remote,

    /** A promise for each item, in their order. */
    map(items, given) {
      const { concurrency = MOST_AT_ONCE, signal } = checkOptions("map", given, "map");
      if (!Number.isInteger(concurrency) || concurrency < 1) throw new RangeError(`concurrency must be a whole number from 1, got ${concurrency}`);
      const calls = [...items];
      for (const [at, args] of calls.entries()) {
        if (!Array.isArray(args)) throw new TypeError(`map: item ${at} must be the array of one call's arguments, e.g. [item]`);
      }
      const inTurn = limit(concurrency);
      return calls.map((args) => {
        const promise = inTurn(() => run(args, signal));
        // Whoever awaits it hears of it; the others of the array must not end the program.
        promise.catch(() => {});
        return promise;
      });
    },

    /** Calls it here. */
    local(...args) {
      if (typeof definition !== "function") throw new TypeError("local: only a JavaScript function can run here");
      return definition(...args);
    },

    /** The same function with other options. */
    withOptions: (more) => remoteFunction(place, definition, { ...options, ...checkOptions(place.options, more, "withOptions") }, where),
  });
}

/** A sandbox of the session for each call, which ends with it. */
export function inSession(session, language) {
  const use = async (options, act) => {
    const own = Object.fromEntries(Object.entries(options).filter(([key]) => !OF_CALLS.includes(key)));
    const { defaults } = session;
    if ((own.image ?? own.containerImage ?? defaults.image) === undefined) own.image = IMAGES[language];
    const sandbox = session.sandbox(own);
    try {
      return await act(sandbox, { tempDir: options.tempDir });
    } finally {
      // One that cannot be stopped is the session's still, which tells of it when it is closed.
      await sandbox.stop({ gracefulShutdownSeconds: 0, missingOk: true }).catch(() => {});
    }
  };
  return { language, options: "sessionFunction", use };
}

/** This sandbox, which lives on and has to be left as it was. */
export function inSandbox(sandbox, language) {
  const use = ({ cwd, env, tempDir }, act) => act(sandbox, { cwd, env, tempDir, again: true });
  return { language, options: "function", use };
}

export const javascriptFunction = (place, fn, options) => remoteFunction(place, fn, options, "function");

/** `python(source, options)`, or a template. */
export const pythonFunction = (place, source, rest) =>
  remoteFunction(place, pythonSource(source, rest), typeof source === "string" ? rest[0] : undefined, "python");

/** The source of a Python function: text, or a template whose values become Python's. */
function pythonSource(source, values) {
  if (typeof source === "string") return source;
  if (!Array.isArray(source?.raw)) throw new TypeError(`python: the source must be a string or a template, got ${source === null ? "null" : typeof source}`);
  return source.raw.reduce((text, part, at) => text + pythonLiteral(values[at - 1]) + part);
}

function pythonLiteral(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value))) return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return `{${Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}: ${pythonLiteral(part)}`).join(", ")}}`;
  }
  throw new TypeError("python: a value in the template must be text, a number, a boolean, null, a list or a plain object of these");
}

/** Lets so many calls run at once, the others in their turn. */
function limit(most) {
  let free = most;
  const waiting = [];
  return async (act) => {
    if (free > 0) free -= 1;
    else await new Promise((go) => waiting.push(go));
    try {
      return await act();
    } finally {
      if (waiting.length > 0) waiting.shift()();
      else free += 1;
    }
  };
}
