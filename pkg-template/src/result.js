// How a process ended: a frozen object whose texts are decoded when they are first read.

/** @returns {import("./index.js").ProcessResult} */
export function processResult({ command, exitCode, stdout, stderr, durationMs, timedOut = false }) {
  const result = {};
  lazy(result, "stdout", () => decode(result.stdoutBytes));
  lazy(result, "stderr", () => decode(result.stderrBytes));
  lazy(result, "stdoutBytes", () => stdout.bytes());
  lazy(result, "stderrBytes", () => stderr.bytes());
  const plain = {
    exitCode,
    returncode: exitCode,
    command: Object.freeze([...command]),
    durationMs,
    ok: exitCode === 0,
    truncated: stdout.truncated || stderr.truncated,
    timedOut,
  };
  return Object.freeze(Object.assign(result, plain));
}

const decode = (bytes) => new TextDecoder().decode(bytes);

function lazy(object, name, make) {
  let value;
  Object.defineProperty(object, name, { enumerable: true, get: () => (value ??= make()) });
}
