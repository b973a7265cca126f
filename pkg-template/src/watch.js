// Watches a directory of a sandbox, by whatever it has: Python's view of inotify, else looking again and again.

import { load } from "./load.js";
import { INOTIFY, WATCH } from "./watch_script.js";

/** Resolves once it is armed. */
export async function watch(exec, path, { recursive = false, container, signal, timeoutMs }) {
  const process = exec(["/bin/sh", "-c", WATCH, "sh", path, recursive ? "1" : "0", INOTIFY], { container, signal, timeoutMs });
  const records = split(process.stdout);
  const first = await records.next();
  if (first.done) await check(process, path);
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
      await check(this.#process, this.#path);
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

/** Fails by what its end means. */
async function check(process, path) {
  const { exitCode, stderr } = await process;
  (await load()).checkFile("watch", path, exitCode, stderr);
}
