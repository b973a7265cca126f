// The files of a sandbox. What the scripts are and what their ends mean is the core's; the bytes pass through here.

import { load } from "./load.js";
import { checkOptions } from "./options.js";
import { guarded } from "./panic.js";
import { streamOf } from "./stdin.js";
import { toBytes } from "./text.js";
import { invalid } from "./errors.js";

/** What one call carries. */
const ONE_CALL = 32 * 1024 * 1024;
/** What a read takes into memory. */
const COLLECTED = 256 * 1024 * 1024;
/** What is looked at of a stream before it is known whether one call will do. */
const PEEK = 1024 * 1024;
const APPEND = 'cat -- "$1" >>"$2" && rm -f -- "$1"';

export class FileSystem {
  #call;
  #exec;

  /**
   * @param {(act: (core: object) => Promise<unknown>) => Promise<unknown>} call calls the core's sandbox
   * @param {(command: string[], options: object) => object} exec runs a command
   * @internal
   */
  constructor(call, exec) {
    this.#call = call;
    this.#exec = exec;
  }

  /** Reads a whole file: bytes, or text with `encoding: "utf8"`. One that is too large for one call comes as a stream. */
  async read(path, options) {
    const { encoding, ...rest } = checkOptions("read", options, "files.read");
    if (encoding !== undefined && encoding !== "utf8" && encoding !== "utf-8") {
      throw invalid("encoding", `must be "utf8", got ${JSON.stringify(encoding)}; leave it out for bytes`);
    }
    checkPath("path", path);
    const bytes = await this.#call((core) => core.readFile(path, rest)).catch((error) => {
      if (error.reason !== "CWSANDBOX_FILE_TOO_LARGE") throw error;
      return this.#collect(path, rest, error);
    });
    return encoding ? new TextDecoder().decode(bytes) : bytes;
  }

  readText(path, options) {
    return this.read(path, { ...options, encoding: "utf8" });
  }

  /** Reads a file piece by piece; whoever does not read holds it up. One that did not arrive whole fails at its end. */
  readStream(path, options) {
    const known = checkOptions("write", options, "files.readStream");
    checkPath("path", path);
    const source = this.#pieces(path, known);
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await source.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => source.return(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Creates or replaces a file, its directories included; it appears whole or not at all. Large ones go as a stream. */
  async write(path, data, options) {
    const known = checkOptions("write", options, "files.write");
    checkPath("path", path);
    const { whole, stream } = await small(data);
    if (stream) return this.#pour(path, stream, known);
    if ((whole.size ?? whole.length) > ONE_CALL) {
      return this.#pour(path, whole instanceof Blob ? streamOf(whole.stream()) : slices(whole), known);
    }
    await this.#call((core) => core.writeFile(path, whole, known));
  }

  /** What lies in a directory, by path; `depth` levels of it. */
  async list(path, options) {
    const known = checkOptions("listFiles", options, "files.list");
    return (await this.#operate("list", path, known)).map(entry);
  }

  /** What a file is; links are followed. */
  async stat(path, options) {
    const known = checkOptions("write", options, "files.stat");
    return entry(await this.#operate("stat", path, known));
  }

  async exists(path, options) {
    try {
      await this.stat(path, options);
      return true;
    } catch (error) {
      if (error.reason === "CWSANDBOX_FILE_NOT_FOUND") return false;
      throw error;
    }
  }

  /** Makes a directory and, unless `recursive` is false, those above it. */
  async mkdir(path, options) {
    const known = checkOptions("mkdir", options, "files.mkdir");
    await this.#operate("mkdir", path, known);
  }

  /** Gives a file or directory another path; a file that is there is replaced. */
  async rename(path, to, options) {
    const known = checkOptions("write", options, "files.rename");
    checkPath("to", to);
    await this.#operate("rename", path, { ...known, to });
  }

  /** Copies a file, or a directory with all that is in it. */
  async copy(path, to, options) {
    const known = checkOptions("write", options, "files.copy");
    checkPath("to", to);
    await this.#operate("copy", path, { ...known, to });
  }

  /** Removes a file, or a directory: an empty one, or `recursive`. */
  async remove(path, options) {
    const { missingOk, ...rest } = checkOptions("remove", options, "files.remove");
    await this.#operate("remove", path, rest).catch((error) => {
      if (!missingOk || error.reason !== "CWSANDBOX_FILE_NOT_FOUND") throw error;
    });
  }

  /** Resolves once changes below a path are seen; iterate what it resolves to. */
  async watch(path, options) {
    const known = checkOptions("watch", options, "files.watch");
    checkPath("path", path);
    const { watch } = await import("./watch.js");
    return watch((command, more) => this.#exec(command, more), path, known);
  }

  /** Puts a directory into the sandbox: a path (Node, Deno, Bun), what a browser's picker gives, or paths and contents. */
  async upload(source, path, options) {
    const known = checkOptions("upload", options, "files.upload");
    checkPath("path", path);
    const { upload } = await import("./directory.js");
    return upload((command, more) => this.#exec(command, more), source, path, known);
  }

  /** Gets a directory out of it: to a path (Node, Deno, Bun), or entry by entry for whoever iterates. */
  download(path, target, options) {
    if (typeof target === "object" && !(target instanceof URL)) [target, options] = [undefined, target];
    const known = checkOptions("download", options, "files.download");
    checkPath("path", path);
    const entries = async () => {
      const { download } = await import("./directory.js");
      return download((command, more) => this.#exec(command, more), path, known);
    };
    if (target === undefined) return iterated(entries);
    return (async () => (await import("./directory.js")).unpack(await entries(), target))();
  }

  #operate(name, path, options) {
    checkPath("path", path);
    return this.#call((core) => core.fileOperation(name, path, options ?? {}));
  }

  async *#pieces(path, { container, timeoutMs, signal }) {
    const core = await load();
    const process = this.#exec(core.fileCommand("read", path), { container, timeoutMs, signal });
    let received = 0;
    for await (const chunk of process.stdout) {
      received += chunk.length;
      yield chunk;
    }
    const { exitCode, stderr } = await process;
    core.checkFileRead(path, exitCode, stderr, received);
  }

  async #collect(path, options, tooLarge) {
    const pieces = [];
    let length = 0;
    for await (const piece of this.#pieces(path, options)) {
      pieces.push(piece);
      length += piece.length;
      if (length <= COLLECTED) continue;
      tooLarge.hint = "Read it piece by piece: files.readStream(path)";
      throw tooLarge;
    }
    const whole = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  /** Writes beside the file's place and moves it there when it is whole. */
  async #pour(path, source, { container, timeoutMs, signal }) {
    const core = await load();
    const part = core.partOfFile(path);
    const options = { container, timeoutMs, signal };
    try {
      const process = this.#exec(core.fileCommand("write", part), { stdin: true, ...options });
      const size = (await canSend(process)) ? await send(core, process, part, source) : await this.#append(part, source, options);
      await this.#operate("commit", part, { to: path, size, container, signal });
    } catch (error) {
      // What is left of it is in nobody's way; why it failed is what matters.
      await this.remove(part, { container }).catch(() => {});
      throw error;
    }
  }

  /** Where nothing can be sent to a running process: as many files as it takes, put together there. */
  async #append(part, source, options) {
    let size = 0;
    let number = 0;
    let held = [];
    const flush = async () => {
      const piece = `${part}.${number++}`;
      await this.#call((core) => core.writeFile(piece, new Blob(held), options));
      await this.#exec(["/bin/sh", "-c", APPEND, "sh", piece, part], { check: true, ...options });
      held = [];
    };
    for await (const data of source) {
      held.push(toBytes(data, "data"));
      size += held.at(-1).length;
      if (held.reduce((sum, { length }) => sum + length, 0) >= ONE_CALL / 4) await flush();
    }
    if (held.length > 0 || number === 0) await flush();
    return size;
  }
}

async function canSend(process) {
  try {
    await process._opening();
    return true;
  } catch (error) {
    if (error.code === "not_supported") return false;
    throw error;
  }
}

async function send(core, process, part, source) {
  let size = 0;
  try {
    for await (const data of source) {
      const bytes = toBytes(data, "data");
      size += bytes.length;
      await process.write(bytes);
      // Why it reads no more, its end says.
      if (process.exitCode !== undefined) break;
    }
    await process.closeStdin();
  } catch (error) {
    // Ended, not killed: what it writes must be there to be removed.
    await process.closeStdin().catch(() => {});
    await process.result().catch(() => {});
    throw error;
  }
  const { exitCode, stderr } = await process;
  core.checkFile("write", part, exitCode, stderr);
  return size;
}

/** The `whole` data, or a `stream` of what is more than a peek. */
async function small(data) {
  if (data instanceof Blob) return { whole: data };
  const iterable = data instanceof ReadableStream ? streamOf(data) : data?.[Symbol.asyncIterator] ? data : undefined;
  if (!iterable) return { whole: toBytes(data, "data") };
  const source = iterable[Symbol.asyncIterator]();
  const seen = [];
  let length = 0;
  while (length <= PEEK) {
    const { done, value } = await source.next();
    if (done) return { whole: new Blob(seen) };
    seen.push(toBytes(value, "data"));
    length += seen.at(-1).length;
  }
  const stream = async function* () {
    yield* seen.splice(0);
    yield* { [Symbol.asyncIterator]: () => source };
  };
  return { stream: stream() };
}

function* slices(bytes) {
  for (let at = 0; at < bytes.length; at += PEEK) yield bytes.subarray(at, at + PEEK);
}

async function* iterated(open) {
  yield* await open();
}

function entry([path, type, size, mode, modifiedMs]) {
  return Object.freeze({ name: path.slice(path.lastIndexOf("/") + 1), path, type, size, mode, modifiedAt: new Date(modifiedMs) });
}

function checkPath(field, path) {
  if (typeof path !== "string") throw new TypeError(`${field} must be a string, got ${path === null ? "null" : typeof path}`);
  if (!path.startsWith("/")) throw invalid(field, `must be absolute, got ${JSON.stringify(path)}; did you mean ${JSON.stringify(`/${path}`)}?`);
  if (path.includes("\0")) throw invalid(field, "must not contain a NUL character");
}
