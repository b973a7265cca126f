// The markup of the code panel. Must not know what any of it does.
import { h, iconButton } from "../base/dom";
import { spelled } from "../shell/commands";

/** The elements that the panel works with. */
export type CodeView = ReturnType<typeof buildView>;

/** Fills the panel. */
export function buildView(host: HTMLElement) {
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Open files" });
  const add = iconButton("plus", "New file", () => undefined, { class: "quiet", "data-testid": "new-file" });
  const run = h("button", { type: "button", class: "primary", testid: "run", disabled: true });
  run.append("Run", h("kbd", {}, spelled("Mod+Enter")));
  const runInContext = h("button", { type: "button", testid: "run-context", disabled: true }, "Run in context");
  runInContext.title = `Run in the interpreter that remembers, with plots and tables (${spelled("Mod+Shift+Enter")})`;
  const stop = h("button", { type: "button", testid: "stop", disabled: true }, "Stop");
  const share = iconButton("link", "Copy a link to these files", () => undefined, { class: "quiet", "data-testid": "share" });
  const editor = h("div", { class: "editor", testid: "editor" });
  const outcome = h("span", { class: "outcome", role: "status", "data-phase": "idle" });
  const duration = h("span", { class: "detail", testid: "duration" });
  const past = iconButton("clock", "Earlier runs", () => undefined, { class: "quiet", "data-testid": "past" });
  const clear = h("button", { type: "button", class: "quiet", testid: "clear" }, "Clear");
  const output = h("div", { class: "output", testid: "output", role: "log", "aria-live": "off", "aria-label": "Program output", tabindex: 0 });
  const input = h("input", { testid: "stdin", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", disabled: true });
  input.setAttribute("aria-label", "Line for the program's standard input");
  const send = h("button", { type: "submit", disabled: true }, "Send");
  const end = h("button", { type: "button", testid: "stdin-end", title: "End of input (Ctrl-D)", disabled: true }, "End input");
  const form = h("form", { class: "stdin", "aria-label": "Program input" }, input, send, end);
  const left = h(
    "section",
    { class: "pane pane-editor", "aria-label": "Program" },
    h("div", { class: "pane-bar" }, tabs, add, h("span", { class: "spacer" }), share, stop, runInContext, run),
    editor,
  );
  const right = h(
    "section",
    { class: "pane pane-output", "aria-label": "Output" },
    h("div", { class: "pane-bar" }, h("h2", {}, "Output"), outcome, duration, h("span", { class: "spacer" }), past, clear),
    output,
    form,
  );
  host.append(left, right);
  return { tabs, add, run, runInContext, stop, share, editor, outcome, duration, past, clear, output, input, send, end, form };
}
