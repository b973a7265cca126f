// Asks for the name of a new file. Must not know what becomes of it.
import { button, h } from "../base/dom";
import { present } from "../shell/palette";
import { HOME } from "../state/workspace";

/** Opens the question; `onName` is told an absolute path. */
export function askForName(onName: (path: string) => void): void {
  const input = h("input", { type: "text", id: "file-name", required: true, autocomplete: "off", spellcheck: "false", placeholder: "app.py", testid: "file-name" });
  const dialog = h("dialog", { "aria-labelledby": "name-title" });
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "name-title" }, "New file"),
    h("label", { for: "file-name" }, "Name"),
    input,
    h("p", { class: "hint" }, `In ${HOME}, unless it begins with a slash. The ending says which language it is.`),
    h("div", { class: "dialog-foot" }, button("Cancel", () => dialog.close()), h("button", { type: "submit", class: "primary" }, "Create")),
  );
  form.addEventListener("submit", () => {
    const name = input.value.trim();
    if (name !== "") onName(name.startsWith("/") ? name : `${HOME}/${name}`);
  });
  dialog.append(form);
  present(dialog);
}
