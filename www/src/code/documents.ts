// The open files: their text, whether the sandbox has it, drafts that survive a reload. Must not know the editor.
import { Cell, type Watched } from "../base/cell";
import { keep, recallJson } from "../base/keep";
import { HOME } from "../state/workspace";
import { SAMPLES } from "./samples";

/** An open file. */
export interface Document {
  readonly path: string;
  readonly text: string;
  /** Whether the sandbox may have another text than this. */
  readonly changed: boolean;
}

/** The open files in the order of their tabs, and the one in front. */
export interface Open {
  readonly documents: readonly Document[];
  readonly path: string;
}

/** How long the text must rest before it is kept. */
const KEEP_AFTER_MS = 400;
const KEY = "documents";

/** The files of the editor. */
export class Documents {
  readonly #open: Cell<Open>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const fresh = SAMPLES.map(({ name, text }) => ({ path: `${HOME}/${name}`, text, changed: true }));
    const kept = recallJson(KEY, isOpen, { documents: fresh, path: fresh[0]?.path ?? "" });
    this.#open = new Cell(kept);
    addEventListener("pagehide", () => this.#keep());
  }

  get open(): Watched<Open> {
    return this.#open;
  }

  get front(): Document | undefined {
    const { documents, path } = this.#open.value;
    return documents.find((document) => document.path === path);
  }

  /** Brings a file to the front. */
  show(path: string): void {
    if (this.#open.value.documents.some((document) => document.path === path)) this.#change({ path });
  }

  /** Opens a file with this text, or brings it to the front with it. */
  add(path: string, text: string, changed: boolean): void {
    const { documents } = this.#open.value;
    const added = { path, text, changed };
    const known = documents.some((document) => document.path === path);
    this.#change({ documents: known ? replace(documents, added) : [...documents, added], path });
  }

  /** Closes a file; the sandbox keeps what it has of it. The last one stays. */
  close(path: string): void {
    const { documents, path: front } = this.#open.value;
    const at = documents.findIndex((document) => document.path === path);
    if (at < 0 || documents.length === 1) return;
    const left = documents.filter((document) => document.path !== path);
    this.#change({ documents: left, path: front === path ? (left[Math.min(at, left.length - 1)]?.path ?? "") : front });
  }

  /** Takes over what was typed. Whoever follows is told only when that changes what the tabs say. */
  typed(path: string, text: string): void {
    const before = this.#open.value.documents.find((document) => document.path === path);
    if (before === undefined || before.text === text) return;
    const documents = replace(this.#open.value.documents, { path, text, changed: true });
    this.#open.set({ ...this.#open.value, documents });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), KEEP_AFTER_MS);
  }

  /** The sandbox has this text now. */
  saved(path: string, text: string): void {
    const document = this.#open.value.documents.find((known) => known.path === path);
    if (document?.text === text) this.#change({ documents: replace(this.#open.value.documents, { ...document, changed: false }) });
  }

  /** Another sandbox has none of it. */
  allChanged(): void {
    this.#change({ documents: this.#open.value.documents.map((document) => ({ ...document, changed: true })) });
  }

  /** Puts other files in place of all. */
  replaceAll(open: Open): void {
    this.#change(open);
  }

  #change(change: Partial<Open>): void {
    this.#open.set({ ...this.#open.value, ...change });
    this.#keep();
  }

  #keep(): void {
    clearTimeout(this.#timer);
    keep(KEY, JSON.stringify(this.#open.value));
  }
}

/** Whether a value that was kept or shared has the shape of open files. */
export function isOpen(value: unknown): value is Open {
  if (typeof value !== "object" || value === null) return false;
  const { documents, path } = value as Record<string, unknown>;
  return typeof path === "string" && Array.isArray(documents) && documents.length > 0 && documents.every(isDocument);
}

function isDocument(value: unknown): value is Document {
  if (typeof value !== "object" || value === null) return false;
  const { path, text, changed } = value as Record<string, unknown>;
  return typeof path === "string" && path.startsWith("/") && typeof text === "string" && typeof changed === "boolean";
}

function replace(documents: readonly Document[], by: Document): readonly Document[] {
  return documents.map((document) => (document.path === by.path ? by : document));
}
