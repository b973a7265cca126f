// The notebook: cells over one interpreter that remembers. Joins cells and context; must not know the code panel.
import type { CodeContext } from "jetway";
import { button, h } from "../base/dom";
import { keep, recall, recallJson } from "../base/keep";
import { describe } from "../base/problem";
import type { Mount } from "../context";
import { type Kept, NotebookCell } from "./notebook_cell";

const SAMPLE: readonly Kept[] = [
  { text: "squares = {n: n * n for n in range(1, 6)}\nsquares" },
  { text: "# The next cell knows what this one defined.\nsum(squares.values())" },
];

export const mount: Mount = (host, context) => {
  const list = h("div", { class: "cells", testid: "cells" });
  const state = h("span", { class: "detail", role: "status", testid: "notebook-state" });
  let cells: NotebookCell[] = [];
  let interpreter: CodeContext | undefined;
  let madeIn = "";

  /** The context of this notebook, found again after a reload. */
  const ours = async (): Promise<CodeContext> => {
    const sandbox = await context.sandbox();
    const id = sandbox.sandboxId ?? "";
    if (interpreter !== undefined && madeIn === id) return interpreter;
    const [keptIn, kept] = (recall("notebook.context", "tab") ?? "").split(" ");
    interpreter = kept !== undefined && keptIn === id ? sandbox.code.context(kept) : await sandbox.code.createContext({ language: "python" });
    madeIn = id;
    keep("notebook.context", `${id} ${interpreter.id}`, "tab");
    return interpreter;
  };
  const save = () => keep("notebook", JSON.stringify(cells.map((cell) => cell.kept)));
  const add = (kept: Kept, after?: NotebookCell) => {
    const cell = new NotebookCell(kept, {
      context: ours,
      onChange: save,
      onDone: (mine, advance) => {
        save();
        if (advance) (cells[cells.indexOf(mine) + 1] ?? add({ text: "" })).focus();
      },
      onRemove: (mine) => {
        if (cells.length === 1) return;
        cells = cells.filter((other) => other !== mine);
        mine.root.remove();
        save();
      },
      onFail: context.suspect,
    });
    const at = after === undefined ? cells.length : cells.indexOf(after) + 1;
    cells.splice(at, 0, cell);
    if (after === undefined) list.append(cell.root);
    else after.root.after(cell.root);
    return cell;
  };
  const attempt = async (text: string, act: (found: CodeContext) => Promise<void>) => {
    try {
      await act(await ours());
      state.textContent = text;
    } catch (error) {
      context.complain(describe(error));
    }
  };
  const runAll = async () => {
    for (const cell of [...cells]) if (!(await cell.run(false))) return;
  };
  const restart = () => void attempt("new interpreter", (found) => found.restart());
  host.append(
    h(
      "div",
      { class: "pane-bar" },
      button("Run all", () => void runAll(), { class: "primary", "data-testid": "run-all" }),
      button("Interrupt", () => void attempt("interrupted", (found) => found.interrupt()), { "data-testid": "interrupt" }),
      button("Restart", restart, { "data-testid": "restart" }),
      state,
      h("span", { class: "spacer" }),
      button("Add cell", () => add({ text: "" }).focus(), { "data-testid": "add-cell" }),
    ),
    list,
  );
  for (const kept of recallJson("notebook", areCells, SAMPLE)) add(kept);
  context.commands.add({ id: "notebook.all", title: "Run all cells of the notebook", run: () => void (context.show("notebook"), runAll()) });
  return { focus: () => cells[0]?.focus() };
};

function areCells(value: unknown): value is readonly Kept[] {
  return Array.isArray(value) && value.length > 0 && value.every((cell) => typeof cell === "object" && cell !== null && "text" in cell && typeof cell.text === "string");
}
