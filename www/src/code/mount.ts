// The code panel: files in tabs, run with live output, input, results, what was run before. Joins editor, runner and
// output; must not know the terminal or how a sandbox is made.
import type { Sandbox } from "jetway";
import { h } from "../base/dom";
import { exactly } from "../base/format";
import { describe, sentence } from "../base/problem";
import type { Context, Mount } from "../context";
import { languageOf } from "../edit/languages";
import { drawResult } from "../rich/result";
import { Documents } from "./documents";
import type { FileEditor } from "./editor";
import { OutputPanel } from "../edit/output";
import { Past } from "./past";
import { openPast } from "./past_dialog";
import { type Run, Runner } from "./runner";
import { sampleFor } from "./samples";
import { addressOf, takeShared } from "./share";
import { followTabs } from "./tabs";
import { buildView } from "./view";
import { askForName } from "./name_dialog";

const TICK_MS = 100;
const KEPT_OUTPUT = 60_000;

export const mount: Mount = async (host, context) => {
  const view = buildView(host);
  const documents = new Documents();
  const output = new OutputPanel(view.output);
  const past = new Past();
  const runner = new Runner({
    onOutput: (kind, text) => output.append(kind, text),
    onResult: (result) => output.show(drawResult(result)),
    onFailure: context.suspect,
    onStream: (transport, open) => context.trace.note("Run", transport, open),
  });
  let editor: FileEditor | undefined;
  let ticker: ReturnType<typeof setInterval> | undefined;
  let begun: { at: number; path: string; text: string } | undefined;

  const run = async (inContext: boolean) => {
    const front = documents.front;
    if (front === undefined || editor === undefined || runner.busy) return;
    const language = languageOf(front.path);
    const work = { sandbox: context.sandbox, prepare: (sandbox: Sandbox, signal: AbortSignal) => save(documents, sandbox, signal) };
    if (inContext ? language.context === undefined : language.command === undefined) return;
    begun = { at: Date.now(), path: front.path, text: front.text };
    output.clear();
    if (inContext && language.context !== undefined) await runner.startInContext(work, language.context, front.text);
    else if (language.command !== undefined) await runner.start(work, language.command(front.path));
  };

  const remember = (outcome: string, durationMs: number) => {
    if (begun !== undefined) past.add({ ...begun, outcome, durationMs, output: output.written(KEPT_OUTPUT) });
  };

  const showRun = (now: Run) => {
    const active = now.phase === "preparing" || now.phase === "running";
    const language = languageOf(documents.front?.path ?? "");
    view.run.disabled = active || editor === undefined || language.command === undefined;
    view.runInContext.disabled = active || editor === undefined || language.context === undefined;
    view.stop.disabled = !active;
    const accepts = now.phase === "running";
    for (const control of [view.input, view.send, view.end]) control.disabled = !accepts;
    view.input.placeholder = accepts ? "Line for the program" : "Program input";
    clearInterval(ticker);
    if (now.phase === "running") {
      const tick = () => (view.duration.textContent = `${((performance.now() - now.since) / 1000).toFixed(1)} s`);
      tick();
      ticker = setInterval(tick, TICK_MS);
    } else if (active) view.duration.textContent = "";
  };

  const showOutcome = (now: Run) => {
    output.flush();
    if (now.phase === "failed") output.note("problem", sentence(now.problem));
    view.outcome.dataset["phase"] = now.phase;
    if (now.phase === "exited") view.outcome.dataset["ok"] = String(now.exitCode === 0);
    const ended = now.phase === "exited" || now.phase === "stopped";
    if (now.phase !== "running") view.duration.textContent = ended ? exactly(now.durationMs) : "";
    view.outcome.replaceChildren(...outcomeText(now));
    if (ended || now.phase === "failed") remember(view.outcome.textContent ?? "", ended ? now.durationMs : 0);
  };

  runner.run.subscribe((now) => {
    showRun(now);
    showOutcome(now);
  });
  followTabs(view.tabs, documents, () => editor?.focus());
  documents.open.subscribe(() => showRun(runner.run.value));
  listen();
  followSandbox(context, documents);
  // A page that goes while a program runs keeps what it has shown.
  addEventListener("pagehide", () => runner.busy && remember("left while it ran", 0));
  restore();
  await openShared();
  const { FileEditor: Editor } = await import("./editor");
  editor = new Editor(view.editor, documents, [
    { key: "Mod-Enter", preventDefault: true, run: () => (void run(false), true) },
    { key: "Mod-Shift-Enter", preventDefault: true, run: () => (void run(true), true) },
    { key: "Mod-s", preventDefault: true, run: () => (void saveFront(), true) },
  ]);
  showRun(runner.run.value);
  return { focus: () => editor?.focus(), openFile: (path) => void openFile(path) };

  function listen(): void {
    view.run.addEventListener("click", () => void run(false));
    view.runInContext.addEventListener("click", () => void run(true));
    view.stop.addEventListener("click", () => runner.stop());
    view.clear.addEventListener("click", () => output.clear());
    view.share.addEventListener("click", () => void share());
    view.past.addEventListener("click", () => openPast(past, (path, text) => documents.add(path, text, true)));
    view.add.addEventListener("click", () => askForName((path) => documents.add(path, "", true)));
    view.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const line = view.input.value;
      view.input.value = "";
      void runner.send(line);
    });
    view.end.addEventListener("click", () => void runner.endInput());
    view.input.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey && event.key === "d")) return;
      event.preventDefault();
      void runner.endInput();
    });
    context.commands.add(
      { id: "run", title: "Run the program", keys: "Mod+Enter", told: true, run: () => void run(false) },
      { id: "run.context", title: "Run in the interpreter that remembers", keys: "Mod+Shift+Enter", told: true, run: () => void run(true) },
      { id: "stop", title: "Stop the program", run: () => runner.stop() },
      { id: "save", title: "Save the file to the sandbox", keys: "Mod+S", told: true, run: () => void saveFront() },
      { id: "file.new", title: "New file", run: () => view.add.click() },
      { id: "share", title: "Copy a link to the open files", run: () => void share() },
      { id: "past", title: "Earlier runs", run: () => view.past.click() },
    );
  }

  /** The output that was shown before the page was loaded anew. */
  function restore(): void {
    const [last] = past.runs.value;
    if (last === undefined) return;
    for (const { kind, text } of last.output) output.append(kind, text);
    output.flush();
    view.outcome.textContent = last.outcome;
    if (last.durationMs > 0) view.duration.textContent = exactly(last.durationMs);
  }

  async function openShared(): Promise<void> {
    try {
      const shared = await takeShared();
      if (shared !== undefined) documents.replaceAll(shared);
    } catch (error) {
      context.complain(describe(error));
    }
  }

  async function share(): Promise<void> {
    try {
      await navigator.clipboard.writeText(await addressOf(documents.open.value));
      context.tell("The link is in the clipboard. The files are in it, not on a server.");
    } catch (error) {
      context.complain(describe(error));
    }
  }

  async function saveFront(): Promise<void> {
    const front = documents.front;
    if (front === undefined) return;
    try {
      await (await context.sandbox()).writeFile(front.path, front.text);
      documents.saved(front.path, front.text);
      context.tell(`Saved ${front.path}`);
    } catch (error) {
      context.complain(describe(error));
      context.suspect(error);
    }
  }

  async function openFile(path: string): Promise<void> {
    const known = documents.open.value.documents.find((document) => document.path === path);
    if (known?.changed === true) return documents.show(path);
    try {
      documents.add(path, await (await context.sandbox()).files.readText(path), false);
      editor?.focus();
    } catch (error) {
      context.complain(describe(error));
    }
  }
};

/** Puts the files that the sandbox may not have into it. */
async function save(documents: Documents, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const changed = documents.open.value.documents.filter((document) => document.changed);
  await Promise.all(
    changed.map(async ({ path, text }) => {
      await sandbox.writeFile(path, text, { signal });
      documents.saved(path, text);
    }),
  );
}

/** Another sandbox has none of the files; its image may be made for the other language. */
function followSandbox({ workspace }: Context, documents: Documents): void {
  let last: string | undefined;
  workspace.view.subscribe(({ phase, image, id }) => {
    if (phase !== "running" || id === undefined || id === last) return;
    const another = last !== undefined;
    last = id;
    if (another) documents.allChanged();
    const sample = sampleFor(image ?? "");
    const front = documents.front?.path ?? "";
    const isSample = /\/main\.(py|mjs)$/.test(front);
    const wanted = documents.open.value.documents.find(({ path }) => path.endsWith(`/${sample}`));
    if (another && isSample && wanted !== undefined) documents.show(wanted.path);
  });
}

function outcomeText(run: Run): (string | HTMLElement)[] {
  const ended = (text: string) => h("strong", { testid: "exit-code" }, text);
  switch (run.phase) {
    case "idle":
      return [];
    case "preparing":
      return ["starting …"];
    case "running":
      return ["running"];
    case "exited":
      return ["exit code ", ended(String(run.exitCode))];
    case "stopped":
      return [ended("stopped")];
    case "failed":
      return [ended("failed")];
  }
}
