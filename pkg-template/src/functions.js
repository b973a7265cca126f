// Remote functions: from a function to what is sent, and from what comes back to a value. Loaded with the first call.

import { FunctionSerializationError, invalid } from "./errors.js";
import { callIn } from "./function/call.js";
import { moduleOf } from "./function/source.js";
import { codec } from "./function/values.js";
import javascript from "./function/runner_javascript.js";
import python from "./function/runner_python.js";
import structured from "./function/values_text.js";

const LANGUAGES = { javascript: prepareJavaScript, python: preparePython };

/** All that can be said about a function before it is called. Throws what is wrong with it. */
export function prepare(language, definition, { bind = {}, serialization = "json", ...options }) {
  if (bind === null || typeof bind !== "object") throw new TypeError(`bind must be an object of names and values, got ${bind === null ? "null" : typeof bind}`);
  const { name, program, values } = LANGUAGES[language](definition, bind, serialization);
  const { stringify, parse } = codec(serialization);
  const bound = stringify(values, "bind");
  const call = async (args, signal, use) => {
    const told = JSON.stringify({ ...program.call, serialization, bind: bound, args: stringify(args, "arguments") });
    const files = { ...program.files, "call.json": told };
    return use(options, (sandbox, there) => callIn(sandbox, { ...program, name, parse, files }, { ...options, ...there, signal }));
  };
  return { call };
}

function prepareJavaScript(definition, bind, serialization) {
  if (typeof definition !== "function") throw new TypeError(`function: needs a function, got ${definition === null ? "null" : typeof definition}`);
  const { name, text, places, values } = moduleOf(definition, bind);
  const files = { "run.mjs": javascript, "function.mjs": text };
  if (serialization === "structured") files["values.mjs"] = structured;
  return { name, values, program: { interpreter: "node", main: "run.mjs", files, places } };
}

function preparePython(source, bind, serialization) {
  if (serialization !== "json") throw invalid("serialization", 'must be "json" for a Python function');
  for (const [key, value] of Object.entries(bind)) {
    if (typeof value === "function") throw new FunctionSerializationError(`bind.${key}: a JavaScript function cannot run in Python`);
  }
  const name = [...source.matchAll(/^(?:async )?def +(\w+)/gm)].at(-1)?.[1];
  if (!name) throw new FunctionSerializationError("the Python source defines no function", { hint: "It needs a `def` that begins at the start of a line" });
  return { name, values: bind, program: { interpreter: "python3", main: "run.py", files: { "run.py": python }, call: { source } } };
}
