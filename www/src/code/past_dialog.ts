// The earlier runs of this tab: what each wrote, and its text back into the editor. Must not know how they were run.
import { button, h, put } from "../base/dom";
import { clock, exactly } from "../base/format";
import { present } from "../shell/palette";
import type { Past, PastRun } from "./past";

/** Opens the list; `onRestore` is given the text of a run. */
export function openPast(past: Past, onRestore: (path: string, text: string) => void): void {
  const dialog = h("dialog", { class: "past", "aria-labelledby": "past-title", testid: "past-dialog" });
  const shown = h("div", { class: "past-shown" });
  const show = (run: PastRun) => {
    const pieces = run.output.map(({ kind, text }) => h("span", { "data-kind": kind }, text));
    const back = button("Open this version in the editor", () => {
      onRestore(run.path, run.text);
      dialog.close();
    });
    put(shown, h("pre", { class: "output", tabindex: 0, "aria-label": "Output of the run" }, ...pieces), back);
  };
  const rows = past.runs.value.map((run) => {
    const name = run.path.slice(run.path.lastIndexOf("/") + 1);
    const length = run.durationMs > 0 ? exactly(run.durationMs) : "";
    return h("li", {}, button(`${clock(new Date(run.at))}  ${name}  ${run.outcome}  ${length}`, () => show(run), { class: "quiet" }));
  });
  put(
    dialog,
    h("div", { class: "dialog-head" }, h("h2", { id: "past-title" }, "Earlier runs"), button("Close", () => dialog.close())),
    rows.length === 0 ? h("p", { class: "empty" }, "Nothing has been run in this tab yet.") : h("ul", { class: "past-list" }, ...rows),
    shown,
  );
  const [newest] = past.runs.value;
  if (newest !== undefined) show(newest);
  present(dialog);
}
