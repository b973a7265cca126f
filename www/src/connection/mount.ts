// How the page talks to its server: where, as whom, how fast, by which transport, and what went wrong last. Must not know
// the other panels.
import { h, put } from "../base/dom";
import { clock, exactly, span } from "../base/format";
import type { Mount } from "../context";

export const mount: Mount = (host, context) => {
  const { connection, trace } = context;
  const facts = h("dl", { class: "facts", testid: "facts" });
  const streams = h("tbody", { testid: "streams" });
  const calls = h("tbody", { testid: "calls" });
  const head = (...names: string[]) => h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));
  host.append(
    h(
      "div",
      { class: "scroll page", tabindex: 0, role: "region", "aria-label": "Connection" },
      facts,
      h("h3", {}, "Streams"),
      h("table", { class: "grid" }, head("Stream", "Transport", "State"), streams),
      h("h3", {}, "Last calls"),
      h("table", { class: "grid" }, head("At", "Call", "Took", "Outcome"), calls),
    ),
  );
  const draw = () => {
    const { state, server, problem } = connection.link.value;
    const { token, latencyMs } = connection;
    const rows: [string, string][] = [
      ["Endpoint", location.origin],
      ["State", problem === undefined ? state : `${state}: ${problem.message}`],
      ["Server", server?.version ?? "unknown"],
      ["Token", token === undefined ? "none yet" : `••••••••${token.tail}, for another ${span(token.until.getTime() - Date.now())}`],
      ["Latency", latencyMs === undefined ? "not measured yet" : exactly(latencyMs)],
    ];
    put(facts, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
    const open = [...trace.streams.value.values()];
    put(streams, ...(open.length === 0 ? [h("tr", {}, h("td", { colspan: 3, class: "hint" }, "None yet: run a program."))] : []));
    streams.append(...open.map(({ name, transport, open: live }) => h("tr", {}, h("td", {}, name), h("td", {}, h("span", { class: "tag" }, transport ?? "–")), h("td", {}, live ? "open" : "over"))));
    put(
      calls,
      ...trace.calls.value.map(({ at, operation, tookMs, attempt, problem: failed }) => {
        const outcome = h("td", {}, failed === undefined ? "ok" : failed.message);
        if (failed !== undefined) outcome.append(h("div", { class: "hint" }, [failed.code, failed.hint].filter(Boolean).join(" · ")));
        return h("tr", { "data-failed": failed !== undefined }, h("td", {}, clock(at)), h("td", {}, attempt > 1 ? `${operation} (try ${attempt})` : operation), h("td", {}, exactly(tookMs)), outcome);
      }),
    );
  };
  let timer: ReturnType<typeof setInterval> | undefined;
  return {
    shown: () => {
      draw();
      clearInterval(timer);
      timer = setInterval(draw, 1_000);
    },
    hidden: () => clearInterval(timer),
  };
};
