// One cell: its text, its number, what it printed and showed. Must not know the other cells.
import type { CodeContext } from "jetway";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { h, iconButton } from "../base/dom";
import { exactly } from "../base/format";
import { describe, sentence } from "../base/problem";
import { OutputPanel, type Written } from "../edit/output";
import { assistance } from "../edit/assistance";
import { languageOf } from "../edit/languages";
import { setup } from "../edit/setup";
import { drawResult } from "../rich/result";

/** A cell as it is kept. */
export interface Kept {
  readonly text: string;
  readonly output?: readonly Written[];
}

/** What a cell needs and tells. */
export interface CellEvents {
  readonly context: () => Promise<CodeContext>;
  readonly onChange: () => void;
  readonly onDone: (cell: NotebookCell, advance: boolean) => void;
  readonly onRemove: (cell: NotebookCell) => void;
  readonly onFail: (error: unknown) => void;
}

const KEPT_OUTPUT = 20_000;
let made = 0;

/** A cell of the notebook. */
export class NotebookCell {
  readonly root: HTMLElement;
  readonly #view: EditorView;
  readonly #events: CellEvents;
  readonly #number = h("span", { class: "cell-number" }, "[ ]");
  readonly #output = h("div", { class: "output cell-output", testid: "cell-output" });
  readonly #panel = new OutputPanel(this.#output);
  readonly #took = h("span", { class: "detail" });
  #running = false;

  constructor(kept: Kept, events: CellEvents) {
    this.#events = events;
    made += 1;
    const editor = h("div", { class: "cell-editor", testid: "cell-editor" });
    const run = iconButton("play", "Run cell", () => void this.run(false), { "data-testid": "run-cell" });
    const remove = iconButton("trash", "Remove cell", () => events.onRemove(this), { class: "quiet" });
    const side = h("div", { class: "cell-side" }, this.#number, run);
    this.root = h("section", { class: "cell", "aria-label": `Cell ${made}`, testid: "cell" }, side, h("div", { class: "cell-main" }, editor, this.#output), h("div", { class: "cell-end" }, this.#took, remove));
    const language = languageOf("cell.py");
    const later = new Compartment();
    const keys = [
      { key: "Shift-Enter", preventDefault: true, run: () => (void this.run(true), true) },
      { key: "Mod-Enter", preventDefault: true, run: () => (void this.run(false), true) },
    ];
    const extensions = setup({ language, label: "Cell", keys, assistance: later, numbers: false, onChange: events.onChange });
    this.#view = new EditorView({ parent: editor, state: EditorState.create({ doc: kept.text, extensions }) });
    void assistance(language).then((loaded) => this.#view.dispatch({ effects: later.reconfigure(loaded) }));
    for (const { kind, text } of kept.output ?? []) this.#panel.append(kind, text);
  }

  get kept(): Kept {
    return { text: this.#view.state.doc.toString(), output: this.#panel.written(KEPT_OUTPUT) };
  }

  focus(): void {
    this.#view.focus();
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** Runs it; says whether it went well. `advance` goes on to the next cell. */
  async run(advance: boolean): Promise<boolean> {
    if (this.#running) return false;
    this.#running = true;
    this.#number.textContent = "[*]";
    this.#panel.clear();
    let well = false;
    try {
      const context = await this.#events.context();
      const { error, executionCount, durationMs, restarted, status } = await context.run(this.#view.state.doc.toString(), {
        onStdout: (text) => this.#panel.append("stdout", text),
        onStderr: (text) => this.#panel.append("stderr", text),
        onResult: (result) => this.#panel.show(drawResult(result)),
      });
      if (restarted) this.#panel.note("note", "[the interpreter is a new one: what was defined before is gone]");
      if (error !== null) this.#panel.note("stderr", error.traceback || `${error.name}: ${error.value}`);
      this.#number.textContent = `[${executionCount}]`;
      this.#took.textContent = exactly(durationMs);
      well = status === "ok";
    } catch (error) {
      this.#panel.note("problem", sentence(describe(error)));
      this.#number.textContent = "[!]";
      this.#events.onFail(error);
    }
    this.#running = false;
    this.#events.onDone(this, advance);
    return well;
  }
}
