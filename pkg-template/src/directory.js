// Whole directories, both ways, as tar streams through a process: bounded memory, whatever their size.

import { load, runtimeOf } from "./load.js";
import { streamOf } from "./stdin.js";
import { pack, unpack as unpackTar } from "./tar.js";
import { toBytes } from "./text.js";

const PIECE = 256 * 1024;

/** Resolves to how much went: `{ files, bytes }`. */
export async function upload(exec, source, path, { ignore, onProgress, container, signal, timeoutMs }) {
  const core = await load();
  const { entries, totals } = await gather(source, ignoring(core, ignore));
  const progress = { path: "", files: 0, bytes: 0, ...totals };
  const counted = async function* () {
    for await (const entry of entries) {
      progress.path = entry.path;
      const data = entry.type === "file" ? counting(entry.data(), progress, onProgress) : undefined;
      yield { ...entry, data };
      if (entry.type === "file") progress.files += 1;
      onProgress?.({ ...progress });
    }
  };
  const process = exec(core.fileCommand("upload", path), { input: pack(counted()), container, signal, timeoutMs });
  const { exitCode, stderr } = await process;
  core.checkFile("upload", path, exitCode, stderr);
  return { files: progress.files, bytes: progress.bytes };
}

/** The entries below a directory of the sandbox, with their bytes. */
export async function* download(exec, path, { ignore, onProgress, container, signal, timeoutMs }) {
  const core = await load();
  const ignored = ignoring(core, ignore);
  const process = exec(core.fileCommand("download", path), { container, signal, timeoutMs });
  const progress = { path: "", files: 0, bytes: 0 };
  try {
    for await (const entry of unpackTar(process.stdout)) {
      const name = entry.path.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
      if (name === "" || name === "." || ignored(name, entry.type === "directory")) continue;
      progress.path = name;
      yield {
        path: name,
        type: entry.type,
        size: entry.size,
        mode: entry.mode,
        modifiedAt: new Date(entry.mtimeMs),
        target: entry.target,
        data: counting(entry.data, progress, onProgress),
      };
      if (entry.type === "file") progress.files += 1;
      onProgress?.({ ...progress });
    }
  } catch (error) {
    // Why the archive ended early, the process knows better.
    const { exitCode, stderr } = await process;
    core.checkFile("download", path, exitCode, stderr);
    throw error;
  }
  const { exitCode, stderr } = await process;
  core.checkFile("download", path, exitCode, stderr);
}

/** Writes entries below a directory of this machine. */
export async function unpack(entries, target) {
  return (await onDisk("download")).write(entries, target);
}

/** `(path, isDirectory) => boolean` of patterns as in a .gitignore file, or of a function. What is below an ignored directory is ignored, too. */
function ignoring(core, rules) {
  if (rules === undefined) return () => false;
  if (typeof rules !== "function") {
    const made = new core.CoreIgnoreRules([...rules].map(String));
    return (path, isDirectory) => made.ignores(path, isDirectory);
  }
  return (path, isDirectory) => {
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      if (rules(path.slice(0, at), true)) return true;
    }
    return Boolean(rules(path, isDirectory));
  };
}

/** The entries of whatever is a directory here, and, where they are known, their number and size. */
async function gather(source, ignored) {
  if (typeof source === "string" || source instanceof URL) {
    return listed(await (await onDisk("upload")).walk(source, ignored));
  }
  if (source?.kind === "directory") return listed(await handles(source, "", ignored));
  if (source?.[Symbol.asyncIterator]) return { entries: given(source, ignored), totals: {} };
  if (source?.[Symbol.iterator] && typeof source !== "string") return listed([...source].map(ofFile).filter(keep(ignored)));
  if (source !== null && typeof source === "object") {
    return listed(Object.entries(source).map(([path, data]) => ofData({ path, data })).filter(keep(ignored)));
  }
  throw new TypeError("files.upload: the source must be a path, a directory handle, files, or an object of paths and contents");
}

function listed(entries) {
  const files = entries.filter(({ type }) => type === "file");
  return { entries, totals: { totalFiles: files.length, totalBytes: files.reduce((sum, { size }) => sum + size, 0) } };
}

const keep = (ignored) => (entry) => !ignored(entry.path, entry.type === "directory");

async function* given(source, ignored) {
  for await (const item of source) {
    const entry = item instanceof Blob ? ofFile(item) : ofData(item);
    if (keep(ignored)(entry)) yield entry;
  }
}

/** A browser's File; a picked directory's name is not part of what is in it. */
function ofFile(file) {
  if (!(file instanceof Blob)) return ofData(file);
  const path = file.webkitRelativePath ? file.webkitRelativePath.split("/").slice(1).join("/") : file.name;
  return { path: relative(path), type: "file", size: file.size, mode: 0o644, mtimeMs: file.lastModified, data: () => streamOf(file.stream()) };
}

function ofData({ path, data, mode = 0o644, mtimeMs = Date.now() }) {
  const blob = data instanceof Blob ? data : new Blob([toBytes(data, path)]);
  return { path: relative(path), type: "file", size: blob.size, mode, mtimeMs, data: () => streamOf(blob.stream()) };
}

/** What a page's `showDirectoryPicker()` gave. */
async function handles(directory, above, ignored) {
  const found = [];
  for await (const handle of directory.values()) {
    const path = above + handle.name;
    if (ignored(path, handle.kind === "directory")) continue;
    if (handle.kind === "directory") {
      found.push({ path, type: "directory", mode: 0o755, mtimeMs: Date.now() }, ...(await handles(handle, `${path}/`, ignored)));
    } else {
      const file = await handle.getFile();
      found.push({ path, type: "file", size: file.size, mode: 0o644, mtimeMs: file.lastModified, data: () => streamOf(file.stream()) });
    }
  }
  return found;
}

/** A path that stays below its directory. */
export function relative(path) {
  const parts = typeof path === "string" ? path.split("/").filter((part) => part !== "" && part !== ".") : [];
  if (parts.length === 0 || parts.includes("..") || path.includes("\0")) {
    throw new TypeError(`${JSON.stringify(path)} is no path below a directory`);
  }
  return parts.join("/");
}

async function* counting(data, progress, onProgress) {
  let told = 0;
  for await (const chunk of data) {
    progress.bytes += chunk.length;
    told += chunk.length;
    yield chunk;
    if (told >= PIECE) {
      told = 0;
      onProgress?.({ ...progress });
    }
  }
}

async function onDisk(what) {
  const { directory } = runtimeOf();
  if (!directory) throw new TypeError(`files.${what}: this runtime has no file system; give or take the files themselves`);
  return directory();
}
