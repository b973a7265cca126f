// The tree: folders that open, files that are chosen, by mouse or arrow keys. Must not know what is done with a file.
import type { FileEntry, Sandbox } from "jetway";
import { h, iconButton, put, sign } from "../base/dom";
import { bytes } from "../base/format";

/** What the tree tells. */
export interface TreeEvents {
  readonly onOpen: (path: string) => void;
  readonly onRemove: (path: string) => void;
  readonly onSave: (path: string, isFolder: boolean) => void;
  readonly onFail: (error: unknown) => void;
}

/** The files below one folder. */
export class Tree {
  readonly element = h("ul", { class: "tree", role: "tree", "aria-label": "Files", testid: "tree" });
  readonly #events: TreeEvents;
  readonly #open = new Set<string>();
  #sandbox: Sandbox | undefined;
  #root = "/";

  constructor(events: TreeEvents) {
    this.#events = events;
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  get root(): string {
    return this.#root;
  }

  focus(): void {
    this.element.querySelector<HTMLElement>(".tree-main")?.focus();
  }

  /** Shows a folder of a sandbox. */
  async show(sandbox: Sandbox | undefined, root: string): Promise<void> {
    this.#sandbox = sandbox;
    this.#root = root;
    await this.refresh();
  }

  /** Reads what is open anew; the place of the keyboard stays. */
  async refresh(): Promise<void> {
    try {
      const rows = await this.#rows(this.#root, 1);
      const focused = document.activeElement?.getAttribute("data-path");
      const held = this.element.contains(document.activeElement);
      put(this.element, ...(rows.length === 0 ? [h("li", { class: "empty", role: "treeitem" }, "Empty. Run a program here, or upload something.")] : rows));
      if (held && focused) this.#row(focused)?.focus();
    } catch (error) {
      this.#events.onFail(error);
    }
  }

  async #rows(folder: string, level: number): Promise<HTMLElement[]> {
    const entries = (await this.#sandbox?.listFiles(folder)) ?? [];
    const order = (entry: FileEntry) => (entry.type === "directory" ? 0 : 1);
    const sorted = [...entries].sort((one, other) => order(one) - order(other) || one.name.localeCompare(other.name));
    const parts = await Promise.all(
      sorted.map(async (entry) => {
        const open = entry.type === "directory" && this.#open.has(entry.path);
        // A folder may be gone by now; its parent is read anew then.
        const below = open ? await this.#rows(entry.path, level + 1).catch(() => []) : [];
        return [this.#line(entry, level, open), ...below];
      }),
    );
    return parts.flat();
  }

  #line(entry: FileEntry, level: number, open: boolean): HTMLElement {
    const isFolder = entry.type === "directory";
    const main = h("button", { type: "button", class: "tree-main", "data-path": entry.path, tabindex: level === 1 ? 0 : -1 });
    main.append(sign(isFolder ? "folder" : "file"), h("span", { class: "tree-name" }, entry.name), h("span", { class: "detail" }, isFolder ? "" : bytes(entry.size)));
    main.addEventListener("click", () => this.#choose(entry.path, isFolder));
    const save = iconButton("down", `Download ${entry.name}`, () => this.#events.onSave(entry.path, isFolder), { class: "quiet" });
    const remove = iconButton("trash", `Remove ${entry.name}`, () => this.#events.onRemove(entry.path), { class: "quiet" });
    const line = h("li", { class: "tree-row", role: "treeitem", "aria-level": level, "aria-expanded": isFolder ? String(open) : undefined }, main, save, remove);
    line.style.setProperty("--level", String(level));
    return line;
  }

  #choose(path: string, isFolder: boolean): void {
    if (!isFolder) return this.#events.onOpen(path);
    if (!this.#open.delete(path)) this.#open.add(path);
    void this.refresh();
  }

  #row(path: string): HTMLElement | null {
    return this.element.querySelector<HTMLElement>(`[data-path="${CSS.escape(path)}"]`);
  }

  #key(event: KeyboardEvent): void {
    const rows = [...this.element.querySelectorAll<HTMLElement>(".tree-main")];
    const at = rows.findIndex((row) => row === document.activeElement);
    const expanded = rows[at]?.parentElement?.getAttribute("aria-expanded");
    if (event.key === "ArrowDown") rows[at + 1]?.focus();
    else if (event.key === "ArrowUp") rows[at - 1]?.focus();
    else if (event.key === "ArrowRight" && expanded === "false") rows[at]?.click();
    else if (event.key === "ArrowLeft" && expanded === "true") rows[at]?.click();
    else if (event.key === "Delete" && rows[at] !== undefined) this.#events.onRemove(rows[at].dataset["path"] ?? "");
    else return;
    event.preventDefault();
  }
}
