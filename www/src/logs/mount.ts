// What the sandbox's main command prints, followed and searched. Must not know the other panels.
import { button, h } from "../base/dom";
import type { Mount } from "../context";
import { whileRunning } from "../shell/following";

const KEPT_LINES = 5_000;

export const mount: Mount = (host, context) => {
  const search = h("input", { type: "search", placeholder: "Only lines with …", "aria-label": "Search the log", testid: "log-search" });
  const count = h("span", { class: "detail", role: "status", testid: "log-count" });
  const times = h("input", { type: "checkbox", id: "log-times" });
  const lines = h("div", { class: "output log", role: "log", "aria-label": "Log of the main command", "aria-live": "off", tabindex: 0, testid: "log" });
  const clear = button("Clear", () => (lines.replaceChildren(), show()), { class: "quiet" });
  host.append(
    h("div", { class: "pane-bar" }, search, count, h("span", { class: "spacer" }), times, h("label", { for: "log-times" }, "Times"), clear),
    lines,
  );
  const show = () => {
    const wanted = search.value.toLowerCase();
    let found = 0;
    for (const line of lines.children as HTMLCollectionOf<HTMLElement>) {
      line.hidden = wanted !== "" && !(line.textContent ?? "").toLowerCase().includes(wanted);
      if (!line.hidden) found += 1;
    }
    const all = lines.childElementCount;
    count.textContent = all === 0 ? "The main command has printed nothing." : wanted === "" ? `${all} lines` : `${found} of ${all} lines`;
  };
  search.addEventListener("input", show);
  times.addEventListener("change", () => (lines.dataset["times"] = String(times.checked)));
  const following = whileRunning(context, host, async (sandbox, signal) => {
    lines.replaceChildren();
    show();
    const log = sandbox.logs({ follow: true, tailLines: KEPT_LINES, signal });
    const decoder = new TextDecoder();
    let rest = "";
    for await (const { data, timestamp } of log.chunks()) {
      const parts = (rest + decoder.decode(data, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      const end = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
      lines.append(...parts.map((text) => h("div", {}, h("time", {}, timestamp?.toISOString().slice(11, 23) ?? ""), text)));
      while (lines.childElementCount > KEPT_LINES) lines.firstElementChild?.remove();
      show();
      if (end) lines.scrollTop = lines.scrollHeight;
    }
  });
  return { ...following, focus: () => search.focus() };
};
