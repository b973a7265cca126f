// Runs one JavaScript function in a sandbox: reads `call.json` beside it, calls what `function.mjs` gives, writes
// `result.json`. For any Node that knows modules. Must not know how its files came here.
import { readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

const here = (name) => new URL(name, import.meta.url);

const plain = {
  stringify: (value, path) => {
    const found = value === undefined ? undefined : notJson(value, path);
    if (found) throw Object.assign(new Error(found.what), { path: found.path });
    return value === undefined ? "" : JSON.stringify(value);
  },
  parse: JSON.parse,
};

function thrown(error) {
  const isError = error !== null && typeof error === "object" && "message" in error;
  const type = isError ? String(error.name ?? error.constructor?.name ?? "Error") : typeof error;
  return { type, message: String(isError ? error.message : error), stack: isError ? String(error.stack ?? "") : "" };
}

async function answer() {
  const call = JSON.parse(await readFile(here("call.json"), "utf8"));
  const values = call.serialization === "structured" ? await import(here("values.mjs").href) : plain;
  let value;
  try {
    const { default: make } = await import(here("function.mjs").href);
    // What the function requires is looked for where it runs, not where this file lies.
    const require = createRequire(`${process.cwd()}/`);
    value = await make(values.parse(call.bind), require)(...values.parse(call.args));
  } catch (error) {
    return { error: thrown(error) };
  }
  try {
    return { value: values.stringify(value, "result") };
  } catch (error) {
    return { unserializable: { path: String(error.path ?? "result"), what: String(error.message ?? error) } };
  }
}

const result = JSON.stringify(await answer());
// Whole or not at all.
await writeFile(here("result.json.part"), result);
await rename(here("result.json.part"), here("result.json"));
// Timers and sockets that the function left open must not hold the answer.
for (const stream of [process.stdout, process.stderr]) await new Promise((done) => stream.write("", done));
process.exit(0);
