import type { Data } from "./process.js";
import type { CallOptions } from "./index.js";

export interface FileOptions extends CallOptions {
  /** Which container of the sandbox. Default: the primary one. */
  container?: string | undefined;
}

export interface ListFilesOptions extends FileOptions {
  /** How many levels. Default: 1, the directory itself. */
  depth?: number | undefined;
}

export interface MakeDirOptions extends FileOptions {
  /** Also those above it, and one that is there is fine. Default: true. */
  recursive?: boolean | undefined;
}

export interface RemoveOptions extends FileOptions {
  /** A directory with all that is in it. */
  recursive?: boolean | undefined;
  /** Whether one that is not there is fine. */
  missingOk?: boolean | undefined;
}

export interface WatchOptions extends FileOptions {
  /** Also the directories below. */
  recursive?: boolean | undefined;
}

/** How far an upload or a download is. Totals are there when they were known at the start. */
export interface FileProgress {
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  readonly totalFiles?: number;
  readonly totalBytes?: number;
}

export interface TransferOptions extends FileOptions {
  /** What to leave out: patterns as in a .gitignore file, or a function. */
  ignore?: Iterable<string> | ((path: string, isDirectory: boolean) => boolean) | undefined;
  onProgress?: ((progress: FileProgress) => void) | undefined;
}

export type FileType = "file" | "directory" | "symlink" | "other";

export interface FileEntry {
  readonly name: string;
  readonly path: string;
  readonly type: FileType;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly modifiedAt: Date;
}

/** An entry of a downloaded directory. Read `data` before the next entry; what is not read is skipped. */
export interface DownloadedEntry {
  /** Below the directory. */
  readonly path: string;
  readonly type: FileType | "link";
  readonly size: number;
  readonly mode: number;
  readonly modifiedAt: Date;
  /** Where a link points. */
  readonly target: string | undefined;
  readonly data: AsyncIterable<Uint8Array>;
}

export interface FileChange {
  /** "overflow": there was more than could be told; look at the directory again. */
  readonly type: "create" | "modify" | "remove" | "overflow";
  readonly path: string;
}

/** Changes as they happen. Leaving an iteration ends it. */
export interface FileWatcher extends AsyncIterable<FileChange>, AsyncDisposable {
  close(): void;
}

/** A file to upload where there is no file system. */
export interface UploadFile {
  path: string;
  data: Data | Blob;
  mode?: number;
  mtimeMs?: number;
}

/** What the page's `showDirectoryPicker()` gives. */
export interface DirectoryHandle {
  readonly kind: "directory";
  readonly name: string;
  values(): AsyncIterable<any>;
}

/** The files of a sandbox. */
export interface FileSystem {
  /** Reads a whole file, up to 256 MiB. */
  read(path: string, options: FileOptions & { encoding: "utf8" | "utf-8" }): Promise<string>;
  read(path: string, options?: FileOptions & { encoding?: undefined }): Promise<Uint8Array>;
  readText(path: string, options?: FileOptions): Promise<string>;
  /** Any size, piece by piece. Fails at its end if the file did not arrive whole. */
  readStream(path: string, options?: FileOptions): ReadableStream<Uint8Array>;
  /** Creates or replaces a file of any size, its directories included; it appears whole or not at all. */
  write(path: string, data: Data | Blob | ReadableStream<Data> | AsyncIterable<Data>, options?: FileOptions): Promise<void>;
  list(path: string, options?: ListFilesOptions): Promise<FileEntry[]>;
  /** Links are followed. */
  stat(path: string, options?: FileOptions): Promise<FileEntry>;
  exists(path: string, options?: FileOptions): Promise<boolean>;
  mkdir(path: string, options?: MakeDirOptions): Promise<void>;
  rename(path: string, to: string, options?: FileOptions): Promise<void>;
  copy(path: string, to: string, options?: FileOptions): Promise<void>;
  remove(path: string, options?: RemoveOptions): Promise<void>;
  /** Resolves once changes are seen. */
  watch(path: string, options?: WatchOptions): Promise<FileWatcher>;
  /** Puts a directory into the sandbox. A path needs Node, Deno or Bun. */
  upload(
    source: string | URL | DirectoryHandle | Iterable<File | UploadFile> | AsyncIterable<File | UploadFile> | Record<string, Data | Blob>,
    path: string,
    options?: TransferOptions,
  ): Promise<{ files: number; bytes: number }>;
  /** Gets a directory, entry by entry. */
  download(path: string, options?: TransferOptions): AsyncGenerator<DownloadedEntry, void, undefined>;
  /** Gets a directory to a path of this machine: Node, Deno or Bun. */
  download(path: string, target: string | URL, options?: TransferOptions): Promise<{ files: number; bytes: number }>;
}
export const FileSystem: { readonly prototype: FileSystem };
