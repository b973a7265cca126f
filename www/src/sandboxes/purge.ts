// Removes every sandbox with a tag, after it was counted and confirmed. Must not know the list.
import { button, h } from "../base/dom";
import { describe, sentence } from "../base/problem";
import type { Context } from "../context";
import { present } from "../shell/palette";
import { TAG } from "../state/workspace";

/** Opens the question: first how many it would be, then the deed. */
export function openPurge(context: Context): void {
  const tags = h("input", { type: "text", id: "purge-tags", value: TAG, autocomplete: "off", spellcheck: "false", testid: "purge-tags" });
  const report = h("p", { class: "hint", role: "status", testid: "purge-report" }, "Counted first; nothing is removed yet.");
  const count = h("button", { type: "submit", testid: "purge-count" }, "Count them");
  const go = h("button", { type: "button", class: "danger", testid: "purge-go", disabled: true }, "Remove");
  const dialog = h("dialog", { "aria-labelledby": "purge-title", testid: "purge" });
  const form = h(
    "form",
    {},
    h("h2", { id: "purge-title" }, "Remove by tag"),
    h("label", { for: "purge-tags" }, "Every sandbox that has all of these tags"),
    tags,
    report,
    h("div", { class: "dialog-foot" }, button("Cancel", () => dialog.close()), count, go),
  );
  const wanted = () => tags.value.split(/[\s,]+/).filter((tag) => tag !== "");
  tags.addEventListener("input", () => {
    go.disabled = true;
    go.textContent = "Remove";
  });
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      report.textContent = sentence(describe(error));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(async () => {
      const { count: found } = await context.fleet.purge(wanted(), true);
      report.textContent = found === 0 ? "No sandbox has them." : `${found} ${found === 1 ? "sandbox has" : "sandboxes have"} them. Removing cannot be undone.`;
      go.disabled = found === 0;
      go.textContent = `Remove ${found}`;
    });
  });
  go.addEventListener("click", () => {
    go.disabled = true;
    void attempt(async () => {
      const { count: removed, failed } = await context.fleet.purge(wanted(), false);
      dialog.close();
      context.tell(`${removed} removed${failed.length === 0 ? "." : `, ${failed.length} could not be: ${failed.join(", ")}`}`);
      await context.workspace.refresh();
    });
  });
  dialog.append(form);
  present(dialog);
}
