// What survives JSON unchanged. Part of the program that runs in the sandbox and of the package, so that both refuse the
// same values. Must not know functions.

/** Where a value, or something in it, would come out of JSON as something else: `{ path, what }`; undefined if nowhere. */
export function notJson(value, path, above = []) {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : { path, what: String(value) };
  if (typeof value !== "object") return { path, what: `a value of type ${typeof value}` };
  if (above.includes(value)) return { path, what: "a cycle" };
  const inside = [...above, value];
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const found = notJson(value[at], `${path}[${at}]`, inside);
      if (found) return found;
    }
    return undefined;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return { path, what: `an instance of ${value.constructor?.name}` };
  for (const [key, part] of Object.entries(value)) {
    // As JSON does: a property without a value is one that is not there.
    const found = part === undefined ? undefined : notJson(part, /^[\w$]+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`, inside);
    if (found) return found;
  }
  return undefined;
}
