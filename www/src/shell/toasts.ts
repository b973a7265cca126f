// Short messages in a corner: something was done, or failed. Must not know what.
import { h, iconButton } from "../base/dom";
import type { Problem } from "../base/problem";

const STAYS_MS = 4_000;

/** The corner. Screen readers say what appears in it. */
export class Toasts {
  readonly #root = h("div", { class: "toasts", role: "status", "aria-live": "polite", testid: "toasts" });

  constructor(parent: HTMLElement) {
    parent.append(this.#root);
  }

  tell(text: string): void {
    const toast = h("div", { class: "toast" }, h("p", {}, text));
    this.#root.append(toast);
    setTimeout(() => toast.remove(), STAYS_MS);
  }

  /** A failure stays until somebody closes it: message, hint and code as the library words them. */
  complain(problem: Problem): void {
    const toast = h("div", { class: "toast bad", testid: "problem" });
    const words = h("div", {}, h("p", { class: "toast-message" }, problem.message));
    if (problem.hint !== undefined) words.append(h("p", { class: "hint" }, problem.hint));
    if (problem.code !== undefined) words.append(h("code", {}, problem.code));
    toast.append(words, iconButton("close", "Close this message", () => toast.remove()));
    while (this.#root.childElementCount >= 4) this.#root.firstElementChild?.remove();
    this.#root.append(toast);
  }
}
