
// ---- imports ----
// Scripts cannot import; cells should. `import(…)` becomes a call of ours, an import statement becomes the same awaited.

const SPACE = String.raw`(?:\s|\/\*[^]*?\*\/|\/\/[^\n]*\n)`;
const NAME = String.raw`[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*`;
const TEXT = String.raw`"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'`;
const STATEMENT = new RegExp(
  `import(?:${SPACE}*(?:(?<first>${NAME})(?:${SPACE}*,${SPACE}*)?)?${SPACE}*(?:\\*${SPACE}*as${SPACE}+(?<all>${NAME})|\\{(?<some>[^}]*)\\})?` +
    `${SPACE}*from)?${SPACE}*(?<module>${TEXT})(?:${SPACE}*(?:with|assert)${SPACE}*(?<options>\\{[^}]*\\}))?`,
  "uy",
);
const TOKEN = new RegExp(`(?<skip>${SPACE}+)|(?<text>${TEXT})|(?<name>${NAME})|(?<number>[0-9][\\w.]*)|(?<sign>[^])`, "uy");
const REGEX = /\/(?:[^\/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
// After these words an expression begins, so that a slash begins a regular expression.
const BEFORE_EXPRESSION = new Set(
  "return typeof instanceof in of new delete void throw case do else await yield default".split(" "),
);

function withImports(code) {
  if (!code.includes("import")) return code;
  let out = "";
  let at = 0;
  let taken = 0;
  let previous = "";
  let statement = true;
  const depth = []; // open brackets; "`" for a template whose ${ is open
  const replace = (end, text) => {
    out += code.slice(taken, at) + text;
    at = taken = end;
  };
  const template = () => {
    while (at < code.length) {
      if (code[at] === "\\") at += 2;
      else if (code[at] === "`") return void (at += 1);
      else if (code.startsWith("${", at)) {
        depth.push("`");
        return void (at += 2);
      } else at += 1;
    }
  };
  while (at < code.length) {
    TOKEN.lastIndex = at;
    const { groups } = TOKEN.exec(code);
    const token = groups.skip ?? groups.text ?? groups.name ?? groups.number ?? groups.sign;
    if (groups.skip !== undefined) {
      if (token.includes("\n") && depth.length === 0 && !/[,=+\-*\/%&|^?:.(\[{<>!~]$/.test(previous)) statement = true;
      at += token.length;
      continue;
    }
    if (token === "import" && previous !== ".") {
      STATEMENT.lastIndex = at;
      const found = statement && depth.length === 0 ? STATEMENT.exec(code) : null;
      const call = new RegExp(`import${SPACE}*\\(`, "uy");
      call.lastIndex = at;
      if (found) {
        replace(STATEMENT.lastIndex, asAwait(found.groups) + "\n".repeat(found[0].split("\n").length - 1));
        previous = ")";
        statement = false;
        continue;
      }
      if (call.test(code)) {
        replace(at + token.length, IMPORT);
        previous = IMPORT;
        statement = false;
        continue;
      }
    }
    if (token === "/" && (/^$|[=(,;:!&|?{}\[+\-*%<>~^\n]$/.test(previous) || BEFORE_EXPRESSION.has(previous))) {
      REGEX.lastIndex = at;
      const regex = REGEX.exec(code);
      if (regex) {
        at += regex[0].length;
        previous = ")";
        statement = false;
        continue;
      }
    }
    at += token.length;
    if (token === "`") {
      template();
      previous = ")";
    } else if (token === "}" && depth.at(-1) === "`") {
      depth.pop();
      template();
      previous = ")";
    } else {
      if ("({[".includes(token)) depth.push(token);
      else if (")}]".includes(token)) depth.pop();
      previous = token;
    }
    statement = depth.length === 0 && (token === ";" || token === "}");
  }
  return out + code.slice(taken);
}

function asAwait({ first, all, some, module, options }) {
  const load = `await ${IMPORT}(${module}${options ? `, { with: ${options} }` : ""})`;
  if (!first && !all && some === undefined) return load;
  const names = [];
  if (first) names.push(`default: ${first}`);
  if (some !== undefined) names.push(some.replace(new RegExp(`${SPACE}as${SPACE}+`, "gu"), ": "));
  if (!all) return `const { ${names.join(", ")} } = ${load}`;
  return `const ${all} = ${load}${first ? `, { default: ${first} } = ${all}` : ""}`;
}
