// Watches a directory of a sandbox, by whatever it has: Python's view of inotify, else looking again and again.

import { NotSupportedError, SandboxFileError } from "./errors.js";

// Prints `type path NUL`; an empty record once it is armed.
const PYTHON = `
import ctypes, os, struct, sys
root, deep = sys.argv[1], sys.argv[2] == "1"
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(os.O_CLOEXEC)
if fd < 0: sys.exit(71)
MASK = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400
names = {}
def say(kind, path):
    sys.stdout.buffer.write(kind + b" " + os.fsencode(path) + bytes(1))
def add(path, new):
    mark = libc.inotify_add_watch(fd, os.fsencode(path), ctypes.c_uint32(MASK))
    if mark < 0: return
    names[mark] = path
    if not deep or not os.path.isdir(path): return
    try: found = list(os.scandir(path))
    except OSError: return
    for entry in found:
        if new: say(b"create", entry.path)
        if entry.is_dir(follow_symlinks=False): add(entry.path, new)
if not os.path.lexists(root): sys.exit(65)
add(root, False)
if not names: sys.exit(72)
sys.stdout.buffer.write(bytes(1)); sys.stdout.buffer.flush()
while names:
    data, at = os.read(fd, 65536), 0
    while at < len(data):
        mark, mask, _, size = struct.unpack_from("iIII", data, at)
        name = os.fsdecode(data[at + 16:at + 16 + size].rstrip(bytes(1))); at += 16 + size
        if mask & 0x4000: say(b"overflow", root); continue
        if mask & 0x8000: names.pop(mark, None); continue
        base = names.get(mark)
        if base is None: continue
        path = os.path.join(base, name) if name else base
        if mask & (0x100 | 0x80):
            say(b"create", path)
            if deep and mask & 0x40000000: add(path, True)
        elif mask & (0x200 | 0x40): say(b"remove", path)
        elif mask & 0x400: say(b"remove", path)
        elif mask & (0x2 | 0x8) or (mask & 0x4 and name): say(b"modify", path)
    sys.stdout.buffer.flush()
`;

// Names with a line end are beyond this one.
const SHELL = `[ -e "$1" ] || exit 65
command -v python3 >/dev/null 2>&1 && exec python3 -uc "$3" "$1" "$2"
command -v find >/dev/null && command -v stat >/dev/null && command -v diff >/dev/null || exit 73
d=$(mktemp -d) || exit 73; trap 'rm -rf "$d"' EXIT; trap 'exit 1' HUP INT TERM
[ "$2" = 1 ] && depth= || depth='-maxdepth 1'
look() { find "$1" -mindepth 1 $depth -exec stat -c '%i %Y %Z %s %n' {} + 2>/dev/null | sort; }
look "$1" >"$d/a"; printf '\\000'
while sleep 0.3; do
  look "$1" >"$d/b"; cmp -s "$d/a" "$d/b" && continue
  diff "$d/a" "$d/b" | while read -r side _ _ _ _ path; do
    case $side in
      '<') [ -e "$path" ] || [ -L "$path" ] || printf 'remove %s\\000' "$path" ;;
      '>') if cut -d' ' -f5- "$d/a" | grep -qxF -e "$path"; then printf 'modify %s\\000' "$path"; else printf 'create %s\\000' "$path"; fi ;;
    esac
  done
  mv "$d/b" "$d/a"
done`;

/** Resolves once it is armed. */
export async function watch(exec, path, { recursive = false, container, signal, timeoutMs }) {
  const process = exec(["/bin/sh", "-c", SHELL, "sh", path, recursive ? "1" : "0", PYTHON], { container, signal, timeoutMs });
  const records = split(process.stdout);
  const first = await records.next();
  if (first.done) throw await failure(process, path);
  return new FileWatcher(process, records, path);
}

/** What changes, as it changes: `{ type, path }`. Leaving an iteration ends it. */
class FileWatcher {
  #process;
  #records;
  #path;

  constructor(process, records, path) {
    this.#process = process;
    this.#records = records;
    this.#path = path;
  }

  async *[Symbol.asyncIterator]() {
    try {
      for await (const record of this.#records) {
        const at = record.indexOf(" ");
        yield { type: record.slice(0, at), path: record.slice(at + 1) };
      }
      const { exitCode } = await this.#process;
      if (exitCode !== 0) throw await failure(this.#process, this.#path);
    } finally {
      this.close();
    }
  }

  close() {
    this.#process.cancel();
  }

  async [Symbol.asyncDispose]() {
    this.close();
  }
}

async function* split(chunks) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\0");
    rest = parts.pop();
    yield* parts;
  }
}

async function failure(process, path) {
  const { exitCode, stderr } = await process;
  const metadata = { filepath: path, operation: "watch" };
  if (exitCode === 65) return new SandboxFileError(`${path} does not exist`, { reason: "CWSANDBOX_FILE_NOT_FOUND", metadata });
  if (exitCode === 73) return new NotSupportedError("the sandbox has nothing to watch files with: neither python3 nor find, stat and diff", { metadata });
  return new SandboxFileError(`${path} cannot be watched: ${stderr.trim().split("\n").pop() || `exit code ${exitCode}`}`, { reason: "CWSANDBOX_FILE_IO_FAILED", metadata });
}
