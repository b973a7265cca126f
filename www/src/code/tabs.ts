// The tabs of the open files. Must not know the editor.
import { h, iconButton, put } from "../base/dom";
import type { Documents, Open } from "./documents";

/** Keeps the tabs as the open files are; arrow keys move, Delete closes. */
export function followTabs(list: HTMLElement, documents: Documents, onChoose: () => void): void {
  let drawn = "";
  documents.open.subscribe((open) => {
    const sign = JSON.stringify([open.path, ...open.documents.map(({ path, changed }) => [path, changed])]);
    if (sign === drawn) return;
    drawn = sign;
    const focused = list.contains(document.activeElement);
    put(list, ...tabsOf(open, documents, onChoose));
    const front = list.querySelector<HTMLElement>("[aria-selected=true]");
    front?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focused) front?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const { documents: all, path } = documents.open.value;
    const at = all.findIndex((document) => document.path === path);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step === undefined ? undefined : all[(at + step + all.length) % all.length];
    if (next !== undefined) documents.show(next.path);
    else if (event.key === "Delete") documents.close(path);
    else return;
    event.preventDefault();
  });
}

function tabsOf({ documents: all, path: front }: Open, documents: Documents, onChoose: () => void): HTMLElement[] {
  return all.flatMap(({ path, changed }) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const selected = path === front;
    const tab = h("button", { type: "button", role: "tab", class: "tab", "aria-selected": String(selected), title: path, testid: `tab-${name}` }, name);
    tab.tabIndex = selected ? 0 : -1;
    if (changed) tab.dataset["changed"] = "";
    tab.addEventListener("click", () => {
      documents.show(path);
      onChoose();
    });
    // Inside a list of tabs only tabs may be named: the cross is for the mouse, and Delete does the same by key.
    const close = iconButton("close", `Close ${name}`, () => documents.close(path), { class: "tab-close", tabindex: "-1", "aria-hidden": "true" });
    return selected && all.length > 1 ? [tab, close] : [tab];
  });
}
