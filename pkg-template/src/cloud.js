// Sessions that pause and resume, the pool and users' tokens, over the core's calls; and Cloud Sandbox's words for them.
// Loaded when it is used: programs that need none of this do not download it.

import { Client, call, clientOf } from "./client.js";
import { translated } from "./cloud_errors.js";
import { ExecResult, FileInfo, SandboxInfo, Session } from "./cloud_models.js";
import { SandboxCommandTimeoutError, SandboxFileError, invalid } from "./errors.js";
import { checkOptions } from "./options.js";
import { Sandbox } from "./sandbox.js";

export * from "./cloud_errors.js";
export * from "./cloud_models.js";

const HOUR_MS = 3_600_000;
const WORKSPACE = "/workspace";

/** One call of the core's, as a plain object. */
export const ask = (client, name, options = {}) => call(client, (core) => core.cloud(name, options));

/** A client for a user: a given one, a token, or a token that is made for the user and refreshed. */
export async function clientFor({ client, baseUrl, token, userId, role, auth }) {
  if (client !== undefined) {
    if (baseUrl !== undefined) throw new TypeError("give either a client or a baseUrl, not both");
    if (userId === undefined) return clientOf({ client });
  }
  if (token !== undefined) return new Client({ baseUrl, auth: token });
  const minter = clientOf({ client: client ?? (baseUrl === undefined && auth === undefined ? undefined : new Client({ baseUrl, auth })) });
  if (userId === undefined) return minter;
  let pair = await ask(minter, "getToken", { userId, role });
  let first = true;
  const fresh = async () => {
    if (!first) pair = await ask(minter, "refreshToken", { refreshToken: pair.refreshToken }).catch(() => ask(minter, "getToken", { userId, role }));
    first = false;
    return { token: pair.accessToken, expiresInMs: pair.expiresInMs };
  };
  return minter._as(fresh);
}

/** A sandbox of a new session. */
export async function createSandbox(given) {
  const { image, cpuCount, memoryMb, ttlHours, metadata, ...place } = checkOptions("cloudCreate", given, "Sandbox.create");
  const client = await clientFor(place);
  const session = await ask(client, "createSession", { image, cpuCount, memoryMb, metadata, ttlMs: hours(ttlHours) });
  try {
    return await furnished(client, session);
  } catch (error) {
    // A session that has no sandbox is of no use to anybody.
    await ask(client, "deleteSession", { sessionId: session.id, missingOk: true }).catch(() => {});
    throw error;
  }
}

/** A paused session's sandbox, going on. */
export async function resumeSandbox(sessionId, given) {
  const client = await clientFor(checkOptions("cloudResume", given, "Sandbox.resume"));
  return furnished(client, await ask(client, "resumeSession", { sessionId }));
}

async function furnished(client, session) {
  const { sandboxId } = await ask(client, "acquireSandbox", { sessionId: session.id });
  const sandbox = await Sandbox.fromId(sandboxId, { client });
  sandbox._serve({ id: session.id, resumed: session.resumed });
  return sandbox;
}

/** Makes a session of a sandbox that has none, and pauses it. */
export async function pauseSandbox(sandbox, client, sessionId) {
  const id = sessionId ?? (await ask(client, "createSession", { sandboxId: (await sandbox.wait()).sandboxId })).id;
  await ask(client, "pauseSession", { sessionId: id });
  return id;
}

/** Each record is size, seconds, kind and name, ended by NUL; a loop where `find` is no GNU one. */
const LIST = `[ -e "$0" ] || exit 65; [ -d "$0" ] || exit 66; cd -- "$0" || exit 1
find . -mindepth 1 -maxdepth 1 -printf '%s\\0%T@\\0%y\\0%f\\0' 2>/dev/null && exit
for f in * .[!.]* ..?*; do [ -e "$f" ] || [ -L "$f" ] || continue
if [ -d "$f" ] && [ ! -L "$f" ]; then kind=d; else kind=f; fi
stat -c '%s %Y' -- "$f" | { read -r size time; printf '%s\\0%s\\0%s\\0%s\\0' "$size" "$time" "$kind" "$f"; }; done`;

/** What lies in a directory, by name. */
export async function listFiles(sandbox, path = WORKSPACE) {
  absolute(path);
  const { exitCode, stdout, stderr } = await sandbox.exec(["sh", "-c", LIST, path]);
  if (exitCode !== 0) throw fileError(path, exitCode === 65 ? "there is nothing there" : exitCode === 66 ? "it is not a directory" : stderr.trim());
  const fields = stdout.split("\0");
  const found = [];
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [size, time, kind, name] = fields.slice(at, at + 4);
    found.push(new FileInfo({ name, path: `${path.replace(/\/+$/, "")}/${name}`, size: Number(size), isDir: kind === "d", modTime: new Date(Number(time) * 1000) }));
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Removes a file, or a directory with everything in it. What is not there is removed. */
export async function deleteFile(sandbox, path) {
  absolute(path);
  if (/^\/+$/.test(path)) throw invalid("path", "must not be the root");
  const { exitCode, stderr } = await sandbox.exec(["rm", "-rf", "--", path]);
  if (exitCode !== 0) throw fileError(path, stderr.trim());
  return true;
}

function absolute(path) {
  if (typeof path !== "string") throw new TypeError(`path must be a string, got ${path === null ? "null" : typeof path}`);
  if (!path.startsWith("/") || path.includes("\0")) throw invalid("path", "must be absolute and without NUL");
}

const fileError = (path, why) => new SandboxFileError(`${path}: ${why}`, { metadata: { filepath: path } });
const hours = (count) => (count === undefined ? undefined : count * HOUR_MS);

/** The low-level client: Cloud Sandbox's calls in camelCase. What it throws are Cloud Sandbox's errors. */
export class SandboxClient {
  #options;
  #client;
  /** The session that was made or resumed last and has no sandbox from here yet. */
  #waiting;

  constructor(options) {
    const { client, ...rest } = checkOptions("SandboxClient", options, "SandboxClient");
    if (client !== undefined && Object.keys(rest).length > 0) throw new TypeError("SandboxClient: give either a client or how to make one");
    this.#options = rest;
    this.#client = client;
  }

  /** Has a token made for a user. It is not used before setToken(). */
  async getToken(user, role = "user") {
    const { userId, role: asked = role, scope = {}, ttlMs } = typeof user === "string" ? { userId: user } : checkOptions("cloudToken", user, "getToken");
    const { sandboxIds, tags, methods } = checkOptions("cloudScope", scope, "getToken");
    const token = await this.#ask("getToken", { userId, role: asked, sandboxIds, tags, methods, ttlMs });
    return { ...token, tokenType: "Bearer", expiresIn: Math.round((token.expiresInMs ?? 0) / 1000) };
  }

  async refreshToken(refreshToken) {
    const token = await this.#ask("refreshToken", { refreshToken });
    return { ...token, tokenType: "Bearer", expiresIn: Math.round((token.expiresInMs ?? 0) / 1000) };
  }

  /** Calls from now on are made with this token. */
  setToken(token) {
    if (typeof token !== "string" || token === "") throw new TypeError("setToken: the token must be a string that is not empty");
    this.#client = this.#client ? this.#client._as(token) : new Client({ baseUrl: this.#options.baseUrl, auth: token });
  }

  async createSession(options) {
    const { ttlHours, ...rest } = checkOptions("cloudSession", options, "createSession");
    const session = new Session(await this.#ask("createSession", { ...rest, ttlMs: hours(ttlHours) }));
    if (session.sandboxId === undefined) this.#waiting = session.id;
    return session;
  }

  async getSession(sessionId) {
    return new Session(await this.#ask("getSession", { sessionId }));
  }

  async listSessions() {
    return (await this.#ask("listSessions")).map((session) => new Session(session));
  }

  async deleteSession(sessionId) {
    await this.#ask("deleteSession", { sessionId, missingOk: true });
    if (this.#waiting === sessionId) this.#waiting = undefined;
    return true;
  }

  async pauseSession(sessionId) {
    return new Session(await this.#ask("pauseSession", { sessionId }));
  }

  /** The session's `resumed` says whether its processes go on (`thawed`) or its files came back (`restored`). */
  async resumeSession(sessionId) {
    const session = new Session(await this.#ask("resumeSession", { sessionId }));
    this.#waiting = session.id;
    return session;
  }

  /** A sandbox for a session: by default the one that was made or resumed here last. */
  async acquireSandbox(options) {
    const { sessionId = this.#waiting, image } = checkOptions("cloudAcquire", options, "acquireSandbox");
    const taken = await this.#ask("acquireSandbox", { sessionId: image === undefined ? sessionId : undefined, image });
    if (taken.sessionId === this.#waiting) this.#waiting = undefined;
    return new SandboxInfo(taken);
  }

  async releaseSandbox(sandboxId) {
    await this.#ask("releaseSandbox", { sandboxId });
    return true;
  }

  async getSandboxStats() {
    const [idle, active, creating, max] = await this.#ask("getPoolStats");
    return { idle, active, creating, max, total: idle + active + creating, available: idle, inUse: active };
  }

  /** Runs code in the sandbox's kept interpreter of its language, or a command. */
  async execute(options) {
    const { sandboxId, code, language = "python", command, workDir, env, timeoutMs, timeout } = checkOptions("cloudExecute", options, "execute");
    const limit = timeoutMs ?? (timeout === undefined ? undefined : timeout * 1000);
    if ((code === undefined) === (command === undefined)) throw new TypeError("execute: give code or a command");
    return this.#translating(async () => {
      const sandbox = await this.#sandbox(sandboxId);
      if (command !== undefined) return finished(sandbox.exec(command, { cwd: workDir, env, timeoutMs: limit }));
      if (workDir !== undefined || env !== undefined || !KEPT.has(language.toLowerCase())) {
        return finished(sandbox.exec(await asProcess(sandbox, language, code), { cwd: workDir, env, timeoutMs: limit }));
      }
      return ran(await sandbox.runCode(code, { language, timeoutMs: limit }));
    });
  }

  async listFiles(sandboxId, path) {
    return this.#translating(async () => listFiles(await this.#sandbox(sandboxId), path));
  }

  async readFile(sandboxId, path, options) {
    return this.#translating(async () => (await this.#sandbox(sandboxId)).readFile(path, options));
  }

  async writeFile(sandboxId, path, content) {
    return this.#translating(async () => {
      await (await this.#sandbox(sandboxId)).writeFile(path, content);
      return true;
    });
  }

  async deleteFile(sandboxId, path) {
    return this.#translating(async () => deleteFile(await this.#sandbox(sandboxId), path));
  }

  #sandbox(sandboxId) {
    return Sandbox.fromId(sandboxId, { client: this.#made() });
  }

  #made() {
    const { baseUrl, token, auth } = this.#options;
    return (this.#client ??= baseUrl === undefined && token === undefined && auth === undefined ? clientOf({}) : new Client({ baseUrl, auth: token ?? auth }));
  }

  #ask(name, options) {
    return this.#translating(() => ask(this.#made(), name, options));
  }

  async #translating(act) {
    try {
      return await act();
    } catch (error) {
      throw translated(error);
    }
  }
}

const KEPT = new Set(["python", "python3", "py", "javascript", "js", "node", "nodejs", "bash", "sh", "shell"]);
const COMMANDS = { python: ["python3"], python3: ["python3"], py: ["python3"], ruby: ["ruby"], go: ["go", "run"], golang: ["go", "run"] };
const ENDINGS = { "python3": "py", node: "mjs", ruby: "rb", go: "go", bash: "sh" };

/** Long code must not be an argument, so it becomes a file. */
async function asProcess(sandbox, language, code) {
  const name = language.toLowerCase();
  const command = COMMANDS[name] ?? (["javascript", "js", "node", "nodejs"].includes(name) ? ["node"] : ["bash"]);
  const path = `/tmp/.jetway/code-${crypto.randomUUID()}.${ENDINGS[command[0]]}`;
  await sandbox.writeFile(path, code);
  return [...command, path];
}

async function finished(process) {
  try {
    const { exitCode, stdout, stderr, durationMs } = await process;
    return new ExecResult({ exitCode, stdout, stderr, durationMs });
  } catch (error) {
    if (!(error instanceof SandboxCommandTimeoutError)) throw error;
    return new ExecResult({ exitCode: 124, stdout: error.result?.stdout ?? "", stderr: error.result?.stderr ?? "", durationMs: error.result?.durationMs ?? 0, timedOut: true });
  }
}

/** What code did, as a process of its own would have done it. */
function ran({ stdout, stderr, error, status, durationMs, timedOut, results }) {
  const plain = error !== null && /^(SystemExit|ExitStatus)$/.test(error.name) && /^-?\d+$/.test(error.value);
  const codes = { ok: 0, timeout: 124, interrupted: 130, exited: Number(/exited with code (\d+)/.exec(error?.value ?? "")?.[1] ?? 137) };
  const exitCode = codes[status] ?? (plain ? Number(error.value) : 1);
  const trace = error === null || plain ? "" : `${error.traceback.trimEnd()}\n`;
  return new ExecResult({ exitCode, stdout, stderr: stderr + trace, durationMs, timedOut, results });
}
