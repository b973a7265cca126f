// Assertions that run wherever the package runs.

export function ok(value, message = "expected a true value") {
  if (!value) throw new Error(`${message}, got ${show(value)}`);
}

export function equal(actual, expected, message = "") {
  if (!Object.is(actual, expected)) throw new Error(`${message} expected ${show(expected)}, got ${show(actual)}`.trim());
}

export function deepEqual(actual, expected, message = "") {
  equal(show(actual), show(expected), message);
}

export function match(text, pattern) {
  if (!pattern.test(text)) throw new Error(`expected ${pattern}, got ${show(text)}`);
}

/** The error that `act` (a promise or a function) fails with, checked against `expected`: a class, or fields. */
export async function rejects(act, expected) {
  let value;
  try {
    value = await (typeof act === "function" ? act() : act);
  } catch (error) {
    if (typeof expected === "function") {
      if (!(error instanceof expected)) throw new Error(`expected ${expected.name}, got ${error}`, { cause: error });
    } else {
      for (const [field, wanted] of Object.entries(expected ?? {})) {
        if (wanted instanceof RegExp) match(String(error[field]), wanted);
        else if (!Object.is(error[field], wanted)) {
          throw new Error(`expected ${field} ${show(wanted)}, got ${show(error[field])}: ${error}`, { cause: error });
        }
      }
    }
    return error;
  }
  throw new Error(`expected a failure, got ${show(value)}`);
}

/** What `act` throws at once, without a promise. */
export function throws(act, expected) {
  let value;
  try {
    value = act();
  } catch (error) {
    if (!(error instanceof expected)) throw new Error(`expected ${expected.name}, got ${error}`, { cause: error });
    return error;
  }
  value?.catch?.(() => {});
  throw new Error(`expected ${expected.name}, got a value`);
}

function show(value) {
  const plain = (_, it) => (it instanceof Uint8Array ? `bytes ${[...it.subarray(0, 64)]} (${it.length})` : it === undefined ? "undefined" : it);
  const text = JSON.stringify(value, plain) ?? String(value);
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length})` : text;
}
