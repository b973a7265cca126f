// A shell line out of a template: what is put in is one word, whatever is in it. An array is as many words as it has.

import { checkOptions } from "./options.js";

/** The tag itself, or, of options, the tag that runs with them. `run(line, options)` runs a line. */
export function shellTag(run, first, values) {
  if (Array.isArray(first?.raw)) return run(shellLine(first, values));
  const options = checkOptions("exec", first, "$");
  return (strings, ...inner) => run(shellLine(strings, inner), options);
}

/** `` `ls ${dir}` `` as a line for the shell. A value must not stand in quotes of the template's own. */
function shellLine(strings, values) {
  return strings.map((text, at) => (at < values.length ? text + words(values[at], at) : text)).join("");
}

function words(value, at) {
  return Array.isArray(value) ? value.map((it) => quote(it, at)).join(" ") : quote(value, at);
}

function quote(value, at) {
  if (!["string", "number", "bigint", "boolean"].includes(typeof value)) {
    throw new TypeError(`$: value ${at + 1} must be a string, a number or an array of them, got ${value === null ? "null" : typeof value}`);
  }
  const word = String(value);
  if (word.includes("\0")) throw new TypeError(`$: value ${at + 1} must not contain a NUL character`);
  return /^[\w@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
