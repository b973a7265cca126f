// The left half of the page: language tabs, editor, run and stop, output, outcome, input line. Joins editor, runner
// and output panel; must not know the terminal or how a sandbox is made.
import type { Sandbox } from "jetway";
import { element, isApple } from "./dom";
import type { ProgramEditor } from "./editor";
import { LANGUAGES, PYTHON, type Language } from "./languages";
import { OutputPanel } from "./output";
import { sentence } from "./problem";
import { type Run, Runner } from "./runner";

/** What the program pane needs from the page. */
export interface ProgramEvents {
  /** The running sandbox, started where there is none. */
  readonly sandbox: () => Promise<Sandbox>;
  readonly onFailure: (error: unknown) => void;
}

const LANGUAGE_KEY = "jetway.language";
const TICK_MS = 100;

/** Editor, output and what lies between them. */
export class ProgramPane {
  readonly #events: ProgramEvents;
  readonly #output = new OutputPanel(element("output", HTMLElement));
  readonly #runner: Runner;
  readonly #run = element("run", HTMLButtonElement);
  readonly #stop = element("stop", HTMLButtonElement);
  readonly #outcome = element("outcome", HTMLElement);
  readonly #duration = element("duration", HTMLElement);
  readonly #stdin = element("stdin", HTMLInputElement);
  readonly #send = element("stdin-send", HTMLButtonElement);
  readonly #endInput = element("stdin-end", HTMLButtonElement);
  readonly #tabs = new Map<string, HTMLButtonElement>();
  #language: Language = rememberedLanguage() ?? PYTHON;
  #editor: ProgramEditor | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;

  constructor(events: ProgramEvents) {
    this.#events = events;
    this.#runner = new Runner({
      onOutput: (kind, text) => this.#output.append(kind, text),
      onFailure: events.onFailure,
    });
    this.#makeTabs();
    element("run-shortcut", HTMLElement).textContent = isApple ? "⌘ ↵" : "Ctrl ↵";
    this.#run.addEventListener("click", () => void this.run());
    this.#stop.addEventListener("click", () => this.#runner.stop());
    element("clear", HTMLButtonElement).addEventListener("click", () => this.#output.clear());
    this.#listenToInput();
    this.#runner.run.subscribe((run) => this.#show(run));
  }

  /** Loads the editor; the page is there before it. */
  async open(): Promise<void> {
    const { ProgramEditor } = await import("./editor");
    this.#editor = new ProgramEditor(element("editor", HTMLElement), { onRun: () => void this.run() });
    this.#choose(this.#language);
    this.#show(this.#runner.run.value);
  }

  focus(): void {
    this.#editor?.focus();
  }

  /** Shows the language that an image is made for, unless a person has chosen one. */
  suggestFor(image: string): void {
    if (rememberedLanguage() !== undefined) return;
    const made = LANGUAGES.find((language) => language.servedBy(image));
    if (made !== undefined) this.#choose(made);
  }

  async run(): Promise<void> {
    const text = this.#editor?.text;
    if (text === undefined || this.#runner.busy) return;
    this.#output.clear();
    await this.#runner.start(this.#language, text, this.#events.sandbox);
  }

  #makeTabs(): void {
    const bar = element("languages", HTMLElement);
    for (const language of LANGUAGES) {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.className = "tab";
      tab.textContent = language.label;
      tab.dataset["testid"] = `language-${language.id}`;
      tab.addEventListener("click", () => {
        remember(language);
        this.#choose(language);
        this.focus();
      });
      this.#tabs.set(language.id, tab);
      bar.append(tab);
    }
  }

  #choose(language: Language): void {
    this.#language = language;
    for (const [id, tab] of this.#tabs) tab.setAttribute("aria-pressed", String(id === language.id));
    this.#editor?.show(language);
  }

  #listenToInput(): void {
    element("stdin-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const line = this.#stdin.value;
      this.#stdin.value = "";
      void this.#runner.send(line);
    });
    this.#endInput.addEventListener("click", () => void this.#runner.endInput());
    this.#stdin.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey && event.key === "d")) return;
      event.preventDefault();
      void this.#runner.endInput();
    });
  }

  #show(run: Run): void {
    const active = run.phase === "preparing" || run.phase === "running";
    this.#run.disabled = active || this.#editor === undefined;
    this.#stop.disabled = !active;
    const accepts = run.phase === "running";
    for (const control of [this.#stdin, this.#send, this.#endInput]) control.disabled = !accepts;
    this.#stdin.placeholder = accepts ? "Line for the program" : "Program input";
    this.#outcome.dataset["phase"] = run.phase;
    this.#tick(run);
    this.#showOutcome(run);
  }

  #showOutcome(run: Run): void {
    this.#output.flush();
    switch (run.phase) {
      case "idle":
        return this.#outcome.replaceChildren();
      case "preparing":
        return this.#outcome.replaceChildren("starting …");
      case "running":
        return this.#outcome.replaceChildren("running");
      case "exited":
        this.#outcome.dataset["ok"] = String(run.exitCode === 0);
        return this.#outcome.replaceChildren("exit code ", exitCode(String(run.exitCode)));
      case "stopped":
        return this.#outcome.replaceChildren(exitCode("stopped"));
      case "failed":
        this.#output.note("problem", sentence(run.problem));
        return this.#outcome.replaceChildren(exitCode("failed"));
    }
  }

  #tick(run: Run): void {
    clearInterval(this.#ticker);
    if (run.phase === "running") {
      const show = () => (this.#duration.textContent = seconds(performance.now() - run.since));
      show();
      this.#ticker = setInterval(show, TICK_MS);
    } else {
      this.#duration.textContent = run.phase === "exited" || run.phase === "stopped" ? exact(run.durationMs) : "";
    }
  }
}

function exitCode(text: string): HTMLElement {
  const code = document.createElement("strong");
  code.dataset["testid"] = "exit-code";
  code.textContent = text;
  return code;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function exact(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function rememberedLanguage(): Language | undefined {
  try {
    const id = localStorage.getItem(LANGUAGE_KEY);
    return LANGUAGES.find((language) => language.id === id);
  } catch {
    return undefined;
  }
}

function remember(language: Language): void {
  try {
    localStorage.setItem(LANGUAGE_KEY, language.id);
  } catch {
    // Without storage the choice lives as long as the page.
  }
}
