// Values with their types: devalue's form, and errors in addition. Runs on both sides.

import { parse as parseWith, stringify as stringifyWith } from "devalue";

const CLASSES = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError };

const reducers = {
  Error: (value) => {
    if (!(value instanceof Error)) return undefined;
    const { name, message, stack, cause, errors } = value;
    return { name, message, stack, cause, errors, own: { ...value, cause: undefined, errors: undefined } };
  },
};

const revivers = {
  Error: ({ name, message, stack, cause, errors, own }) => {
    const Class = Object.hasOwn(CLASSES, name) ? CLASSES[name] : Error;
    const error = errors === undefined ? new Class(message) : new AggregateError(errors, message);
    for (const [key, value] of Object.entries({ name, stack, cause })) {
      if (value !== undefined && error[key] !== value) Object.defineProperty(error, key, { value, writable: true, configurable: true });
    }
    for (const [key, value] of Object.entries(own)) if (value !== undefined) error[key] = value;
    return error;
  },
};

export function stringify(value, path) {
  try {
    return stringifyWith(value, reducers);
  } catch (error) {
    throw Object.assign(new Error(told(error)), { path: `${path}${error.path ?? ""}` });
  }
}

export const parse = (text) => parseWith(text, revivers);

/** In our words: what it is, not what the library does not do. */
function told({ message, value }) {
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (value !== null && typeof value === "object") return `an instance of ${value.constructor?.name ?? "a class"}`;
  return message;
}
