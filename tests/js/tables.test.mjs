// What is written down in several places is the same in all of them: error kinds, options, statuses, exports.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as errors from "../../pkg-template/src/errors.js";
import { OPTIONS } from "../../pkg-template/src/options.js";
import { SandboxStatus } from "../../pkg-template/src/status.js";

const read = (path) => readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const sources = readdirSync(fileURLToPath(new URL("../../pkg-template/src", import.meta.url)));
const SUBPATHS = ["compat", "cloud", "elements", "computesdk", "cwsandbox", "opentelemetry"].map((name) => `${name}.d.ts`);
const declarations = sources.filter((name) => name.endsWith(".d.ts") && !SUBPATHS.includes(name)).map((name) => read(`pkg-template/src/${name}`));
const types = (await Promise.all(declarations)).join("");

/** The keys of an interface in the types, its parents' included. */
function keysOf(name) {
  const [, parents, body] = new RegExp(`interface ${name}(?: extends ([\\w, ]+))? \\{\n(.*?)\n\\}`, "s").exec(types) ?? [];
  assert.ok(body, `the types have no interface ${name}`);
  const own = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map((match) => match[1]);
  return [...new Set([...own, ...(parents?.split(", ").flatMap(keysOf) ?? [])])].sort();
}

/** A list of keys in the core's readers. */
async function readerKeys(name) {
  const source = (await Promise.all(["options", "logs", "container"].map((file) => read(`src/wasm/${file}.rs`)))).join("");
  const [, list] = new RegExp(`const ${name}: &\\[&str\\] =\\s*&\\[(.*?)\\];`, "s").exec(source) ?? [];
  assert.ok(list, `src/wasm has no ${name}`);
  return [...list.matchAll(/"(\w+)"/g)].map((match) => match[1]).sort();
}

/** What the main entry takes from the subpath. */
const INTERNAL = ["ask", "clientFor", "createSandbox", "deleteFile", "listFiles", "pauseSandbox", "resumeSandbox", "translated"];

test("every error kind of the core has its class, with its parent, and its type", async () => {
  const table = await read("src/error/kind.rs");
  const rows = [...table.matchAll(/^ {4}(\w+):\s*"(\w+)",\s*"(\w+)",\s*(?:Some\((\w+)\)|None),/gm)];
  assert.ok(rows.length > 50, `only ${rows.length} rows were found`);
  const classes = new Map(rows.map(([, kind, code, name, parent]) => [kind, { code, name, parent }]));
  for (const { code, name, parent } of classes.values()) {
    const Class = errors[name];
    assert.equal(typeof Class, "function", `errors.js lacks ${name}`);
    assert.equal(Class.name, name);
    assert.equal(Class.prototype.name, name);
    const made = errors.makeError({ code, message: "m" });
    assert.equal(made.constructor, Class, code);
    assert.equal(made.code, code);
    const above = parent ? classes.get(parent).name : "Error";
    assert.equal(Object.getPrototypeOf(Class).name, above, `${name} extends`);
    assert.match(types, new RegExp(`export class ${name} extends ${above}\\b`), `the types' ${name}`);
  }
  const listed = Object.keys(errors).filter((name) => errors[name].prototype instanceof Error);
  const aliases = ["AviatoError", "CWSandboxError"];
  assert.deepEqual(listed.filter((name) => !aliases.includes(name)).sort(), rows.map((row) => row[3]).sort());
});

test("an unknown code of a newer core is still an error of ours", () => {
  const error = errors.makeError({ code: "from_the_future", message: "m" });
  assert.equal(error.constructor, errors.JetwayError);
  assert.equal(error.code, "from_the_future");
});

test("the options are the same here, in the types and in the core", async () => {
  const pairs = {
    Client: ["ClientOptions"],
    run: ["RunOptions", "RUN"],
    container: ["ContainerOptions", "CONTAINER"],
    fromFile: ["FromFileOptions"],
    exec: ["ExecOptions", "EXEC"],
    shell: ["ShellOptions", "SHELL"],
    logs: ["LogOptions", "LOGS"],
    stop: ["StopOptions", "STOP"],
    delete: ["DeleteOptions", "DELETE"],
    list: ["ListOptions", "LIST"],
    call: ["CallOptions"],
    write: ["FileOptions"],
    listFiles: ["ListFilesOptions"],
    mkdir: ["MakeDirOptions"],
    remove: ["RemoveOptions"],
    watch: ["WatchOptions"],
    upload: ["TransferOptions"],
    download: ["TransferOptions"],
    function: ["RemoteFunctionOptions"],
    map: ["MapOptions"],
    wait: ["WaitOptions"],
  };
  // What JavaScript deals with itself, or passes on under its other name.
  const kept = {
    run: ["args", "client", "command", "containerImage", "detached", "environmentVariables", "fileSystemSnapshot", "signal", "tempDir"],
    container: ["args"],
    exec: ["check", "input", "maxBufferBytes"],
    shell: ["command", "onState"],
    delete: ["client"],
    list: ["client", "includeStopped"],
  };
  for (const [noun, [name, reader]] of Object.entries(pairs)) {
    assert.deepEqual([...OPTIONS[noun]].sort(), keysOf(name), `options.js ${noun} against ${name}`);
    if (!reader) continue;
    const sent = OPTIONS[noun].filter((key) => !(kept[noun] ?? []).includes(key)).sort();
    assert.deepEqual(sent, await readerKeys(reader), `options.js ${noun} against ${reader}`);
  }
});

test("the statuses are the core's", async () => {
  const source = await read("src/sandbox/status.rs");
  const names = [...source.matchAll(/Self::\w+ => "(\w+)"/g)].map((match) => match[1]).sort();
  assert.deepEqual(Object.values(SandboxStatus).sort(), names);
  for (const name of names) assert.ok(types.includes(`"${name}"`), `the types lack ${name}`);
});

test("the types export what the package exports", async () => {
  const sdk = await import("../../target/npm/jetway/src/node.js");
  const declared = [...types.matchAll(/^export (?:declare )?(?:class|const|function) (\w+)/gm)].map((match) => match[1]);
  for (const [, list] of types.matchAll(/^export \{ (.*?) \};/gm)) declared.push(...list.split(", ").map((it) => it.split(" as ").at(-1)));
  assert.deepEqual([...new Set(declared)].sort(), Object.keys(sdk).sort());
});

test("the types of the elements export what the subpath exports", async () => {
  const elements = await import("../../target/npm/jetway/src/elements.js");
  const text = await read("pkg-template/src/elements.d.ts");
  const declared = [...text.matchAll(/^export (?:class|const|function) (\w+)/gm)].map((match) => match[1]);
  assert.deepEqual(declared.sort(), Object.keys(elements).sort());
});

test("the types of Cloud Sandbox's words export what the subpath exports", async () => {
  const cloud = await import("../../target/npm/jetway/src/cloud.js");
  const text = await read("pkg-template/src/cloud.d.ts");
  const declared = [...text.matchAll(/^export (?:class|const|function) (\w+)/gm)].map((match) => match[1]);
  assert.deepEqual(declared.sort(), Object.keys(cloud).filter((name) => !INTERNAL.includes(name)).sort());
});

test("the types of the official SDK's shape export what the subpath exports", async () => {
  const facade = await import("../../target/npm/jetway/src/cwsandbox.js");
  const text = await read("pkg-template/src/cwsandbox.d.ts");
  const declared = [...text.matchAll(/^export (?:class|const|function) (\w+)/gm)].map((match) => match[1]);
  const [, taken] = /^export \{([^}]*)\} from/m.exec(text);
  declared.push(...taken.split(",").map((it) => it.trim().split(" as ").at(-1)).filter(Boolean));
  assert.deepEqual(declared.sort(), Object.keys(facade).sort());
});
