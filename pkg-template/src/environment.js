// What a process finds around it: variables, and the local server that `jetway serve` announced to its user. The only
// file that looks at the environment; nothing is read before a client is used.

export const environment = {
  /** undefined when it is not set, empty, or not to be read. */
  variable(name) {
    try {
      return (globalThis.Deno ? Deno.env.get(name) : globalThis.process?.env?.[name]) || undefined;
    } catch {
      return undefined;
    }
  },

  /** Whether signals are the package's to handle too: by what the program said, else by the variable. */
  handlesSignals(said) {
    return said ?? !["1", "true", "yes", "on"].includes((this.variable("CWSANDBOX_DISABLE_SIGNAL_HANDLERS") ?? "").trim().toLowerCase());
  },

  /** The text of `~/.netrc`, or of the file that NETRC names; undefined when there is none. */
  async netrc() {
    const home = this.variable("HOME") ?? this.variable("USERPROFILE");
    const paths = [this.variable("NETRC"), ...(home ? [`${home}/.netrc`, `${home}/_netrc`] : [])];
    for (const path of paths) {
      const text = path && (await readable(path));
      if (text !== undefined && text !== "") return text;
    }
    return undefined;
  },

  /** `{ url, token }` of a running local server, if there is one. */
  async localServer() {
    const data = this.variable("XDG_DATA_HOME") ?? (this.variable("HOME") && `${this.variable("HOME")}/.local/share`);
    if (!data) return undefined;
    const path = `${data}/jetway/serve.json`;
    try {
      const { url, token, pid } = JSON.parse(await readable(path));
      return (await isRunning(pid)) ? { url, token } : undefined;
    } catch {
      return undefined;
    }
  },
};

/** A file's text; undefined when it is not there, or not ours to read. */
async function readable(path) {
  try {
    // Deno would ask its user; a file that may exist is not worth a question.
    if (globalThis.Deno && (await Deno.permissions.query({ name: "read", path })).state !== "granted") return undefined;
    const { readFile } = await import("node:fs/promises");
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

async function isRunning(pid) {
  if (!Number.isInteger(pid)) return false;
  try {
    const { default: process } = await import("node:process");
    return process.kill(pid, 0);
  } catch (error) {
    return error.code !== "ESRCH";
  }
}
