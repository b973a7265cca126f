// The page's terminals: several shells of one sandbox side by side in tabs, each a `<jetway-terminal>` of the npm
// package, so that they survive a lost network, a sleeping machine, a reload and a restart of the server. Must not know
// the rest of the page.
import type { Sandbox } from "jetway";
import { type JetwayTerminal } from "jetway/elements";
import { restoreTabs, storeTabs, type StoredTab } from "./stored";
import "./tabs.css";

/** What the terminals tell the page. */
export interface TerminalEvents {
  /** Ctrl and backtick: the person wants to go on elsewhere. */
  readonly onLeave: () => void;
  /** The one that is shown, as a line for people. */
  readonly onState: (phase: string, text: string) => void;
  /** A shell is over by itself: its sandbox may be, too. */
  readonly onEnded: () => void;
  readonly onFailed: (error: unknown) => void;
}

interface Tab extends StoredTab {
  readonly button: HTMLButtonElement;
  readonly panel: HTMLElement;
  readonly element: JetwayTerminal;
}

/** The terminals of the page. */
export class TerminalTabs {
  readonly #host: HTMLElement;
  readonly #events: TerminalEvents;
  readonly #strip = document.createElement("div");
  readonly #panels = document.createElement("div");
  #sandbox: Sandbox | undefined;
  #sandboxId: string | undefined;
  #tabs: Tab[] = [];
  #shown: Tab | undefined;

  constructor(host: HTMLElement, events: TerminalEvents) {
    this.#host = host;
    this.#events = events;
    this.#strip.className = "terminal-strip";
    this.#strip.setAttribute("role", "tablist");
    this.#strip.setAttribute("aria-label", "Terminals");
    const bar = document.createElement("div");
    bar.className = "terminal-bar";
    const add = button("+", "New terminal");
    add.dataset["testid"] = "new-terminal";
    add.addEventListener("click", () => this.#focusOn(this.#add()));
    bar.append(this.#strip, add);
    this.#panels.className = "terminal-panels";
    host.classList.add("terminals");
    host.append(bar, this.#panels);
    // Before xterm.js, which would give it to the shell.
    host.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    addEventListener("pagehide", () => this.#store());
  }

  /** Shows the terminals of a sandbox: those that were open in it before a reload, or a new one. */
  show(sandbox: Sandbox | undefined): void {
    if (sandbox !== undefined && sandbox === this.#sandbox) return;
    this.#clear();
    this.#sandbox = sandbox;
    this.#sandboxId = sandbox?.sandboxId;
    if (sandbox === undefined) return this.#tell("idle", "no shell");
    const stored = restoreTabs(sandbox.sandboxId);
    for (const tab of stored) this.#add(tab, false);
    const first = this.#tabs[stored.findIndex((tab) => tab.shown)] ?? this.#tabs[0] ?? this.#add();
    this.#select(first);
  }

  /** The page's colours or size changed. */
  restyle(): void {
    for (const { element } of this.#tabs) element.restyle();
  }

  focus(): void {
    this.#shown?.element.focus();
  }

  #add(stored?: StoredTab, select = true): Tab {
    const number = stored?.number ?? 1 + Math.max(0, ...this.#tabs.map((tab) => tab.number));
    const key = stored?.key ?? crypto.randomUUID();
    const element = document.createElement("jetway-terminal");
    element.sandbox = this.#sandbox;
    element.setAttribute("restore", key);
    element.setAttribute("label", `Shell ${number}. Control and backtick go back to the editor.`);
    const panel = document.createElement("div");
    panel.className = "terminal-panel";
    panel.id = `terminal-${key}`;
    panel.hidden = true;
    panel.setAttribute("role", "tabpanel");
    panel.append(element);
    const tabButton = button(`Shell ${number}`, `Shell ${number}`);
    tabButton.setAttribute("role", "tab");
    tabButton.setAttribute("aria-controls", panel.id);
    tabButton.setAttribute("aria-selected", "false");
    tabButton.tabIndex = -1;
    const close = document.createElement("span");
    close.className = "terminal-close";
    close.setAttribute("aria-hidden", "true");
    close.textContent = "✕";
    tabButton.append(close);
    tabButton.title = `Shell ${number}: Delete closes it`;
    const tab: Tab = { number, key, shown: false, button: tabButton, panel, element };
    tabButton.addEventListener("click", (event) => {
      if (event.target === close) this.#close(tab);
      else this.#focusOn(tab);
    });
    element.addEventListener("jetway-exit", () => this.#events.onEnded());
    element.addEventListener("jetway-error", ({ detail }) => this.#events.onFailed(detail.error));
    element.addEventListener("jetway-statechange", ({ detail }) => {
      tabButton.dataset["state"] = detail.state;
      if (tab === this.#shown) this.#tell(detail.state, shellText(detail));
    });
    this.#tabs.push(tab);
    this.#strip.append(tabButton);
    this.#panels.append(panel);
    if (select) this.#select(tab);
    this.#store();
    return tab;
  }

  #select(tab: Tab): void {
    this.#shown = tab;
    for (const other of this.#tabs) {
      const shown = other === tab;
      other.panel.hidden = !shown;
      other.button.setAttribute("aria-selected", String(shown));
      other.button.tabIndex = shown ? 0 : -1;
    }
    this.#tell(tab.element.state, shellText({ state: tab.element.state }));
    this.#store();
  }

  #focusOn(tab: Tab): void {
    this.#select(tab);
    tab.element.focus();
  }

  #close(tab: Tab): void {
    const at = this.#tabs.indexOf(tab);
    this.#tabs.splice(at, 1);
    void tab.element.close();
    tab.panel.remove();
    tab.button.remove();
    this.#focusOn(this.#tabs[Math.min(at, this.#tabs.length - 1)] ?? this.#add());
  }

  #clear(): void {
    for (const { panel, button: tabButton } of this.#tabs) {
      panel.remove();
      tabButton.remove();
    }
    this.#tabs = [];
    this.#shown = undefined;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey && event.key === "`") {
      event.preventDefault();
      event.stopPropagation();
      this.#events.onLeave();
      return;
    }
    const at = this.#tabs.findIndex((tab) => tab.button === event.target);
    if (at < 0) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step === undefined ? undefined : this.#tabs[(at + step + this.#tabs.length) % this.#tabs.length];
    if (next) {
      this.#select(next);
      next.button.focus();
    } else if (event.key === "Delete") {
      const tab = this.#tabs[at];
      if (tab) this.#close(tab);
    }
  }

  #tell(phase: string, text: string): void {
    this.#host.dataset["phase"] = phase;
    this.#events.onState(phase, text);
  }

  #store(): void {
    if (this.#sandboxId === undefined) return;
    const tabs = this.#tabs.map((tab) => ({ number: tab.number, key: tab.key, shown: tab === this.#shown }));
    storeTabs(this.#sandboxId, tabs);
  }
}

function button(text: string, label: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "terminal-tab";
  made.setAttribute("aria-label", label);
  made.textContent = text;
  return made;
}

/** One line about a shell. */
function shellText(shell: { readonly state: string; readonly kept?: boolean; readonly exitCode?: number }): string {
  switch (shell.state) {
    case "starting":
      return "connecting …";
    case "open":
      return shell.kept === false ? "connected, not kept" : "connected";
    case "reconnecting":
      return "connection lost, trying again …";
    case "ended":
      return `ended with exit code ${shell.exitCode ?? "?"}`;
    case "failed":
      return "no connection";
    default:
      return "no shell";
  }
}
