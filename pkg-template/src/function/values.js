// How values travel: as JSON, which refuses what it would change, or structured. Must not know functions.

import { FunctionSerializationError, invalid } from "../errors.js";
import { notJson } from "./json.js";
import * as structured from "./structured.js";

const CODECS = {
  json: {
    stringify: (value, path) => {
      const found = notJson(value, path);
      if (found) throw refused(found.path, found.what, 'serialization: "structured" carries Map, Set, Date, BigInt, typed arrays, errors, undefined and cycles');
      return JSON.stringify(value);
    },
    parse: (text) => (text === "" ? undefined : JSON.parse(text)),
  },
  structured: {
    stringify: (value, path) => {
      try {
        return structured.stringify(value, path);
      } catch (error) {
        throw refused(error.path ?? path, error.message, "Send plain data and build the rest in the function");
      }
    },
    parse: structured.parse,
  },
};

export function codec(name) {
  if (!Object.hasOwn(CODECS, name)) throw invalid("serialization", `must be "json" or "structured", got ${JSON.stringify(name)}`);
  return CODECS[name];
}

export const refused = (path, what, hint) => new FunctionSerializationError(`${path}: ${what} cannot be sent`, { hint });
