// The two dialogs over the commands: a palette that runs them and a list of the keys. Must not know what they do.
import { button, h, put } from "../base/dom";
import { type Command, type Commands, spelled } from "./commands";

/** Opens the list of commands: type to narrow it, Enter runs the chosen one. */
export function openPalette(commands: Commands): void {
  let shown: readonly Command[] = [];
  let chosen = 0;
  const list = h("ul", { role: "listbox", id: "palette-list", "aria-label": "Commands", class: "palette-list" });
  const input = h("input", {
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "palette-list",
    "aria-label": "Command",
    placeholder: "What do you want to do?",
    autocomplete: "off",
    testid: "palette-input",
  });
  const dialog = h("dialog", { class: "palette", "aria-label": "Commands", testid: "palette" }, input, list);
  const choose = (at: number) => {
    chosen = Math.max(0, Math.min(shown.length - 1, at));
    const options = [...list.children];
    for (const [index, option] of options.entries()) option.setAttribute("aria-selected", String(index === chosen));
    options[chosen]?.scrollIntoView({ block: "nearest" });
    if (options[chosen] === undefined) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `palette-${chosen}`);
  };
  const run = (command: Command | undefined) => {
    dialog.close();
    command?.run();
  };
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = commands.all.filter(({ title }) => words.every((word) => title.toLowerCase().includes(word)));
    const options = shown.map((command, index) => {
      const keys = command.keys === undefined ? undefined : h("kbd", {}, spelled(command.keys));
      return h("li", { role: "option", id: `palette-${index}`, on: { click: () => run(command) } }, command.title, keys);
    });
    put(list, ...(options.length === 0 ? [h("li", { class: "empty-line", role: "option" }, "No such command")] : options));
    choose(0);
  };
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") run(shown[chosen]);
    else return;
    event.preventDefault();
  });
  show();
  present(dialog);
}

/** Opens the list of keys. */
export function openHelp(commands: Commands): void {
  const rows = commands.all.flatMap(({ title, keys }) =>
    keys === undefined ? [] : [h("tr", {}, h("td", {}, title), h("td", {}, h("kbd", {}, spelled(keys))))],
  );
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title", testid: "help" });
  put(
    dialog,
    h("div", { class: "dialog-head" }, h("h2", { id: "help-title" }, "Keyboard"), button("Close", () => dialog.close())),
    h("table", {}, h("tbody", {}, ...rows)),
    h("p", { class: "hint" }, "Escape, then Tab leaves the editor. Tabs and lists move with the arrow keys."),
  );
  present(dialog);
}

/** Shows a dialog until it is closed, by Escape or a click beside it as well. */
export function present(dialog: HTMLDialogElement): void {
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}
