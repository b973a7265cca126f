// The netrc format: words, of which `machine` begins an entry. Must not know where the file lies.

/** The password of the first of these hosts that the text has; `default` counts for none of them. */
export function passwordOf(text, hosts) {
  const entries = machines(text);
  for (const host of hosts) {
    const password = entries.get(host);
    if (password) return password;
  }
  return undefined;
}

function machines(text) {
  const found = new Map();
  // A macro goes on to the next empty line; a `#` that begins a word begins a comment.
  const plain = text.replace(/^\s*macdef\b[\s\S]*?(\n\s*\n|(?![\s\S]))/gm, "\n").replace(/(^|\s)#.*$/gm, "$1");
  const words = plain.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  let host;
  for (let at = 0; at < words.length; at++) {
    if (words[at] === "default") host = undefined;
    else if (words[at] === "machine") host = unquoted(words[++at]);
    else if (words[at] === "login" || words[at] === "account") at++;
    else if (words[at] === "password") {
      const password = unquoted(words[++at]);
      if (host !== undefined && !found.has(host)) found.set(host, password);
    }
  }
  return found;
}

const unquoted = (word) => (word?.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word);
