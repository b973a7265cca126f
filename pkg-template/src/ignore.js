// Which paths of a directory are left out: patterns as in a .gitignore file, or a function.

/** `(path, isDirectory) => boolean` of patterns; the last that fits decides, and `!` takes back. */
export function ignoring(rules) {
  if (rules === undefined) return () => false;
  if (typeof rules === "function") return (path, isDirectory) => Boolean(rules(path, isDirectory));
  const compiled = [...rules].map(String).filter((rule) => rule !== "" && !rule.startsWith("#")).map(compile);
  return (path, isDirectory) => {
    let ignored = false;
    for (const { pattern, back, onlyDirectories } of compiled) {
      if ((!onlyDirectories || isDirectory) && pattern.test(path)) ignored = !back;
    }
    return ignored;
  };
}

function compile(rule) {
  const back = rule.startsWith("!");
  let glob = back ? rule.slice(1) : rule;
  const onlyDirectories = glob.endsWith("/");
  if (onlyDirectories) glob = glob.slice(0, -1);
  // With a slash in it a pattern counts from the root; without, at any depth.
  const anchored = glob.includes("/");
  if (glob.startsWith("/")) glob = glob.slice(1);
  const parts = glob.split(/(\*\*\/|\/\*\*$|\*\*|\*|\?|\[[^\]]+\])/).map((part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "/**") return "/.*";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (/^\[.+\]$/.test(part)) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  });
  return { pattern: new RegExp(`^${anchored ? "" : "(?:.*/)?"}${parts.join("")}$`), back, onlyDirectories };
}
