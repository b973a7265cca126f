// Work that a panel does only while it is in front and a sandbox runs: begun again for another sandbox, and when the
// server is back. Must not know what the work is.
import type { Sandbox } from "jetway";
import { h } from "../base/dom";
import { describe } from "../base/problem";
import type { Context, Panel } from "../context";

const AGAIN_AFTER_MS = 2_000;

/** Does the work, and covers `host` with what is missing while it cannot be done. The signal ends with the occasion. */
export function whileRunning(
  context: Context,
  host: HTMLElement,
  work: (sandbox: Sandbox, signal: AbortSignal, another: boolean) => Promise<void>,
): Required<Pick<Panel, "shown" | "hidden">> {
  const cover = h("div", { class: "cover", role: "status" }, h("p", { class: "empty" }));
  host.append(cover);
  let front = false;
  let current: { sandbox: Sandbox; abort: AbortController } | undefined;
  let last: string | undefined;
  const look = () => {
    const { phase, sandbox, id } = context.workspace.view.value;
    const online = context.connection.link.value.state === "online";
    const usable = phase === "running" && sandbox !== undefined;
    cover.hidden = usable;
    const text = phase === "starting" ? "The sandbox is starting …" : phase === "paused" ? "The sandbox is paused." : "No sandbox runs. Make one in the list.";
    if (!usable && cover.firstElementChild !== null) cover.firstElementChild.textContent = text;
    if (current !== undefined && (!front || !usable || !online || current.sandbox !== sandbox)) {
      current.abort.abort();
      current = undefined;
    }
    if (current !== undefined || !front || !usable || !online) return;
    const mine = { sandbox, abort: new AbortController() };
    current = mine;
    const another = id !== last;
    last = id;
    work(sandbox, mine.abort.signal, another).catch((error: unknown) => {
      if (mine.abort.signal.aborted) return;
      context.complain(describe(error));
      context.suspect(error);
      setTimeout(() => {
        if (current === mine) current = undefined;
        look();
      }, AGAIN_AFTER_MS);
    });
  };
  context.workspace.view.subscribe(look);
  context.connection.link.subscribe(look);
  return {
    shown: () => ((front = true), look()),
    hidden: () => ((front = false), look()),
  };
}

/** Waits, but not longer than the signal lets it. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
