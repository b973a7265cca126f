// From a function to a module that another machine can load: its own text, what it refers to, and where in the module
// its lines are. Must not know sandboxes.

import { parse } from "acorn";
import { analyze } from "eslint-scope";
import { builtin, nodeBuiltin } from "globals/globals.json";

import { FunctionSerializationError } from "../errors.js";

/** What the module's text calls the function; followed by underscores if the user does too. */
const MAIN = "$main";
/** Helpers that compilers put into functions, in their simplest form. */
const OF_COMPILERS = { __name: "(value) => value" };
const SYNTAX = { ecmaVersion: "latest", sourceType: "module", ranges: true };

/**
 * The module that makes `fn` again, given the values of `bind`: `{ name, text, places, values }`. Functions in `bind`
 * travel as their source; `values` is the rest of it. `places` says which lines of the text are whose.
 */
export function moduleOf(fn, bind) {
  const name = fn.name || "anonymous";
  const entries = Object.entries(bind);
  for (const [key] of entries) {
    if (!isName(key)) throw new TypeError(`bind: ${JSON.stringify(key)} cannot be the name of a variable`);
  }
  const isCode = ([, value]) => typeof value === "function";
  const values = Object.fromEntries(entries.filter((entry) => !isCode(entry)));
  const parts = [[fn.name, read(fn, name)], ...entries.filter(isCode).map(([key, value]) => [key, read(value, `bind.${key}`)])];
  const [, own] = parts[0];
  own.isMain = true;
  if (own.isClass) throw new FunctionSerializationError(`${name} is a class, which cannot be called`, { hint: "Give a function that makes one" });

  const free = new Set(parts.flatMap(([, part]) => part.free));
  const helpers = Object.keys(OF_COMPILERS).filter((helper) => free.has(helper) && !Object.hasOwn(bind, helper));
  const known = new Set([...Object.keys(bind), ...helpers, "require"]);
  // Its own name can only be itself, unless something else is bound to it or everybody has it.
  const main = isName(fn.name) && !known.has(fn.name) && !everywhere(fn.name) ? fn.name : spare(parts, bind);
  known.add(main);
  for (const [, part] of parts) {
    const missing = part.free.filter((it) => !known.has(it));
    if (missing.length > 0) throw unknown(part.what, missing);
  }

  const require = Object.hasOwn(bind, "require") ? "" : ", require";
  const lines = [`export default ({ ${Object.keys(values).join(", ")} }${require}) => {`];
  const places = [];
  const put = (declared, part) => {
    places.push({ name: part.isMain ? name : declared, from: lines.length + 2, to: lines.length + 1 + part.source.split("\n").length });
    lines.push(`const ${declared} = ${part.open}`, ...part.source.split("\n"), part.close);
  };
  for (const helper of helpers) lines.push(`const ${helper} = ${OF_COMPILERS[helper]};`);
  for (const [key, part] of parts.slice(1)) put(key, part);
  put(main, own);
  lines.push(`return ${main};`, "};", "");
  return { name, text: lines.join("\n"), places, values };
}

/** Reads a function's own text: as an expression, or as a method of an object. */
function read(fn, what) {
  const source = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new FunctionSerializationError(`${what} has no source: it is built in or made by bind()`, { hint: "Give a function that calls it" });
  }
  const forms = [
    { open: "(", close: ");", find: (tree) => tree.body[0].expression },
    { open: "Object.values({", close: "})[0];", find: (tree) => tree.body[0].expression.object.arguments[0].properties[0].value },
  ];
  let failure;
  for (const { open, close, find } of forms) {
    let tree;
    try {
      tree = parse(`${open}\n${source}\n${close}`, SYNTAX);
    } catch (error) {
      failure ??= error;
      continue;
    }
    const node = find(tree);
    refuse(node, what);
    return { what, source, open, close, free: freeOf(tree), isClass: node.type === "ClassExpression" };
  }
  throw new FunctionSerializationError(`${what} cannot be read: ${failure.message.replace(/ \(\d+:\d+\)$/, "")}`, {
    cause: failure,
    hint: "It is sent as a module, where the rules of strict mode hold",
  });
}

/** What only works where the function was written, and what no answer could hold. */
function refuse(node, what) {
  if (node.generator) throw new FunctionSerializationError(`${what} is a generator: its answer cannot be sent`, { hint: "Return an array" });
  const isArrow = node.type === "ArrowFunctionExpression";
  walk(node, (it) => {
    if (it.type === "Super" && node.type !== "ClassExpression") throw stays(what, "super");
    if (isArrow && it.type === "ThisExpression") throw stays(what, "this");
    if (isArrow && it.type === "Identifier" && it.name === "arguments") throw stays(what, "arguments");
    // An inner function has its own.
    return it === node || !["FunctionExpression", "FunctionDeclaration", "ClassExpression", "ClassDeclaration"].includes(it.type);
  });
}

/** The names that a program refers to and nothing in it declares, in order, each once. */
function freeOf(tree) {
  const harmless = new Set();
  // `typeof name` asks whether there is one.
  walk(tree, (node) => node.type !== "UnaryExpression" || node.operator !== "typeof" || harmless.add(node.argument));
  const { globalScope } = analyze(tree, { ecmaVersion: 2025, sourceType: "module" });
  const found = globalScope.through.map(({ identifier }) => identifier).filter((it) => !harmless.has(it));
  return [...new Set(found.map(({ name }) => name))].filter((name) => !everywhere(name));
}

/** Visits a node and, where `visit` answers with something true, what is in it. */
function walk(node, visit) {
  if (!visit(node)) return;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") walk(child, visit);
    }
  }
}

function isName(text) {
  try {
    return parse(`(${text}) => 0`, SYNTAX).body[0].expression.params.length === 1 && /^[^\s(){}[\],=./*]+$/.test(text);
  } catch {
    return false;
  }
}

/** A name that nothing uses. */
function spare(parts, bind) {
  let name = MAIN;
  while (parts.some(([, { source }]) => source.includes(name)) || Object.hasOwn(bind, name)) name += "_";
  return name;
}

const everywhere = (name) => Object.hasOwn(builtin, name) || Object.hasOwn(nodeBuiltin, name);

function unknown(what, names) {
  const list = names.map((name) => `\`${name}\``).join(", ");
  return new FunctionSerializationError(`${what} refers to ${list}, which the sandbox does not have`, {
    hint: `Functions travel without what surrounds them: pass it as an argument, or give bind: { ${names.join(", ")} }`,
    metadata: { freeIdentifiers: names.join(",") },
  });
}

const stays = (what, word) =>
  new FunctionSerializationError(`${what} uses \`${word}\`, which stays where it was written`, { hint: "Pass what it needs as an argument" });
