// Finds the entries of the built npm package, by its own `exports`. Must not know what the package does.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The file that `import "jetway"` gives under these conditions, relative to the package. */
export async function entryOf(packageDir, conditions) {
  const manifest = JSON.parse(await readFile(join(packageDir, "package.json"), "utf8"));
  const exported = manifest.exports?.["."] ?? manifest.exports ?? manifest.main;
  const entry = pick(exported, conditions);
  if (!entry) throw new Error(`${packageDir}/package.json exports nothing for ${conditions.join(", ")}`);
  return entry;
}

function pick(target, conditions) {
  if (typeof target === "string") return target;
  for (const [condition, inner] of Object.entries(target ?? {})) {
    const found = (condition === "default" || conditions.includes(condition)) && pick(inner, conditions);
    if (found) return found;
  }
  return undefined;
}
