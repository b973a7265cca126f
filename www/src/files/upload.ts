// Files from this machine into the sandbox: chosen, or dropped with their folders. Must not know the tree.
import type { Sandbox } from "jetway";
import { bytes } from "../base/format";

/** A file, and where it goes below the folder. */
export interface Incoming {
  readonly path: string;
  readonly data: File;
}

/** Sends the files; `advance` is told the share that is there and how to say it. */
export async function upload(sandbox: Sandbox, files: readonly Incoming[], folder: string, advance: (share: number, text: string) => void): Promise<void> {
  const total = files.reduce((sum, { data }) => sum + data.size, 0);
  await sandbox.files.upload(files.map(({ path, data }) => ({ path, data })), folder, {
    onProgress: ({ bytes: sent, path }) => advance(total === 0 ? 1 : sent / total, `${path}: ${bytes(sent)} of ${bytes(total)}`),
  });
}

/** Everything that was dropped, the files in folders too. */
export async function droppedFiles(transfer: DataTransfer): Promise<Incoming[]> {
  // Both have to be asked for before anything is awaited: afterwards the drop is over and they are gone.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files = [...transfer.files];
  if (entries.every((entry) => entry === null)) return files.map((data) => ({ path: data.name, data }));
  return (await Promise.all(entries.map((entry) => (entry === null ? [] : below(entry))))).flat();
}

async function below(entry: FileSystemEntry): Promise<Incoming[]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const data = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path, data }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Incoming[] = [];
  for (;;) {
    // A reader gives a hundred at a time and nothing at its end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map(below))).flat());
  }
}
