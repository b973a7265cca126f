// A real shell in an xterm.js terminal: opened for a running sandbox, resized with the page, offered again when it
// ends or is lost. Must not know the editor or how a sandbox is made.
import type { Sandbox, TerminalSession } from "jetway";
import type { FitAddon } from "@xterm/addon-fit";
import type { ITheme, Terminal } from "@xterm/xterm";
import { Cell, type Watched } from "../base/cell";
import { afterFirstView } from "../base/first_view";
import { describe, sentence, type Problem } from "../base/problem";
import { colour, theme } from "../base/theme";

/** How the terminal is connected. */
export type Shell =
  | { readonly phase: "idle" }
  | { readonly phase: "connecting" }
  | { readonly phase: "open" }
  | { readonly phase: "ended"; readonly exitCode: number }
  | { readonly phase: "lost"; readonly problem: Problem };

/** What the terminal tells the page. */
export interface TerminalEvents {
  /** The shell is over by itself: its sandbox may be, too. */
  readonly onEnded: () => void;
  readonly onLost: (error: unknown) => void;
  readonly onLeave: () => void;
}

const SCROLL_BACK_LINES = 5_000;
/** Back to the normal screen; sent on the normal screen it would take the cursor to where it was once saved. */
const LEAVE_ALTERNATE = "\x1b[?1049l";
/** What a program may have left on when it was cut off: mouse, bracketed paste, hidden cursor, colours. */
const PLAIN_MODES = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[!p\x1b[?25h\x1b[0m";

/** The terminal of the page. */
export class TerminalPane {
  readonly #host: HTMLElement;
  readonly #events: TerminalEvents;
  readonly #shell = new Cell<Shell>({ phase: "idle" });
  #screen: Promise<{ terminal: Terminal; fit: FitAddon }> | undefined;
  #session: TerminalSession | undefined;
  #detach: (() => void) | undefined;
  /** Which connection is current: an older one that ends late must not speak for the newer. */
  #turn = 0;

  constructor(host: HTMLElement, events: TerminalEvents) {
    this.#host = host;
    this.#events = events;
  }

  get shell(): Watched<Shell> {
    return this.#shell;
  }

  async focus(): Promise<void> {
    (await this.#open()).terminal.focus();
  }

  /** Opens a shell in the sandbox; what the screen shows is kept when `fresh` is false. Never rejects. */
  async connect(sandbox: Sandbox, fresh: boolean): Promise<void> {
    const turn = ++this.#turn;
    this.#shell.set({ phase: "connecting" });
    try {
      const { terminal } = await this.#open();
      if (turn !== this.#turn) return;
      this.#leave();
      if (fresh) terminal.reset();
      const session = sandbox.shell({ cols: terminal.cols, rows: terminal.rows });
      this.#session = session;
      this.#detach = session.attach(terminal);
      this.#shell.set({ phase: "open" });
      const exitCode = await session.wait();
      if (turn !== this.#turn) return;
      this.#shell.set({ phase: "ended", exitCode });
      this.#events.onEnded();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#shell.set({ phase: "lost", problem: describe(error) });
      this.#events.onLost(error);
    }
    if (turn === this.#turn) await this.#say(this.#shell.value);
  }

  /** Lets go of the shell, because its sandbox is gone. */
  disconnect(): void {
    this.#turn += 1;
    this.#leave();
    this.#shell.set({ phase: "idle" });
  }

  #leave(): void {
    this.#detach?.();
    this.#detach = undefined;
    // Hanging up on a shell that is gone is no news.
    void this.#session?.close().catch(() => undefined);
    this.#session = undefined;
  }

  async #say(shell: Shell): Promise<void> {
    const { terminal } = await this.#open();
    const text = shell.phase === "lost" ? `connection lost: ${sentence(shell.problem)}` : `shell ${shellText(shell)}`;
    await new Promise<void>((drawn) => terminal.write("", drawn));
    const leave = terminal.buffer.active.type === "alternate" ? LEAVE_ALTERNATE : "";
    terminal.write(`${leave}${PLAIN_MODES}\r\n\x1b[2m[${text.replaceAll("\n", "\r\n ")}]\x1b[0m\r\n`);
  }

  /** The screen, made when it is first needed, and after the first view, which can do without xterm.js. */
  #open(): Promise<{ terminal: Terminal; fit: FitAddon }> {
    this.#screen ??= this.#create();
    return this.#screen;
  }

  async #create(): Promise<{ terminal: Terminal; fit: FitAddon }> {
    await afterFirstView;
    const [{ Terminal }, { FitAddon }] = await Promise.all([
      import("@xterm/xterm"),
      import("@xterm/addon-fit"),
      import("@xterm/xterm/css/xterm.css"),
    ]);
    const style = getComputedStyle(document.documentElement);
    const terminal = new Terminal({
      cursorBlink: true,
      fontFamily: style.getPropertyValue("--mono"),
      fontSize: 13,
      lineHeight: 1.15,
      scrollback: SCROLL_BACK_LINES,
      theme: readTheme(),
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(this.#host);
    terminal.textarea?.setAttribute("aria-label", "Shell. Control and backtick go back to the editor.");
    terminal.attachCustomKeyEventHandler((event) => {
      if (!(event.ctrlKey && event.key === "`")) return true;
      if (event.type === "keydown") this.#events.onLeave();
      event.preventDefault();
      return false;
    });
    fit.fit();
    new ResizeObserver(() => fit.fit()).observe(this.#host);
    theme.subscribe(() => (terminal.options.theme = readTheme()));
    return { terminal, fit };
  }
}

/** One line about the shell for the pane's head. */
export function shellText(shell: Shell): string {
  switch (shell.phase) {
    case "idle":
      return "no shell";
    case "connecting":
      return "connecting …";
    case "open":
      return "connected";
    case "ended":
      return `ended with exit code ${shell.exitCode}`;
    case "lost":
      return "connection lost";
  }
}

/** The terminal draws on its own, so that the page's colours have to be handed to it. */
function readTheme(): ITheme {
  return {
    background: colour("--surface"),
    foreground: colour("--text"),
    cursor: colour("--accent"),
    cursorAccent: colour("--surface"),
    selectionBackground: colour("--selection"),
    black: colour("--ansi-black"),
    red: colour("--ansi-red"),
    green: colour("--ansi-green"),
    yellow: colour("--ansi-yellow"),
    blue: colour("--ansi-blue"),
    magenta: colour("--ansi-magenta"),
    cyan: colour("--ansi-cyan"),
    white: colour("--ansi-white"),
    brightBlack: colour("--ansi-bright-black"),
    brightRed: colour("--ansi-red"),
    brightGreen: colour("--ansi-green"),
    brightYellow: colour("--ansi-yellow"),
    brightBlue: colour("--ansi-blue"),
    brightMagenta: colour("--ansi-magenta"),
    brightCyan: colour("--ansi-cyan"),
    brightWhite: colour("--text"),
  };
}
