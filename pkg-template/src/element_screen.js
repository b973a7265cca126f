// An xterm.js terminal in a shadow root: its size, colours, clipboard, search, and its picture for later. Must not know
// what is connected to it.

import { terminalTheme } from "./element_style.js";

const SCROLLBACK_LINES = 5000;
/** Of the picture that is kept over a reload. */
const KEPT_LINES = 1000;
const MOST_KEPT = 600_000;
/** Back to the normal screen; sent on the normal screen it would take the cursor to where it was once saved. */
const LEAVE_ALTERNATE = "\x1b[?1049l";
/** What a program may have left on when it was cut off: mouse, bracketed paste, hidden cursor, colours. */
const PLAIN_MODES = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[!p\x1b[?25h\x1b[0m";

export class Screen {
  /** The xterm.js terminal itself. */
  terminal;
  #host;
  #fit;
  #search;
  #serialize;
  #watching = new AbortController();
  #sizes;

  /**
   * @param {HTMLElement} host whose colours it has
   * @param {HTMLElement} place
   * @param {{ onFind: () => void }} events
   */
  static async open(host, place, { onFind }) {
    const { FitAddon, SearchAddon, SerializeAddon, Terminal, css } = await import("./xterm.js");
    const screen = new Screen();
    screen.#host = host;
    const style = document.createElement("style");
    style.textContent = css;
    place.before(style);
    const scrollback = Number(host.getAttribute("scrollback") ?? SCROLLBACK_LINES);
    const terminal = new Terminal({
      ...terminalTheme(host),
      allowProposedApi: true,
      cursorBlink: true,
      lineHeight: 1.15,
      scrollback: Number.isFinite(scrollback) && scrollback >= 0 ? scrollback : SCROLLBACK_LINES,
      screenReaderMode: host.hasAttribute("screen-reader"),
    });
    screen.terminal = terminal;
    for (const addon of [
      (screen.#fit = new FitAddon()),
      (screen.#search = new SearchAddon()),
      (screen.#serialize = new SerializeAddon()),
    ]) {
      terminal.loadAddon(addon);
    }
    terminal.open(place);
    terminal.textarea?.setAttribute("aria-label", host.getAttribute("label") ?? "Shell");
    terminal.attachCustomKeyEventHandler((event) => screen.#key(event, onFind));
    screen.fit();
    screen.#sizes = new ResizeObserver(() => screen.fit());
    screen.#sizes.observe(place);
    const { signal } = screen.#watching;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => screen.restyle(), { signal });
    await screen.#accelerate();
    return screen;
  }

  /** Fills its place; a place that is not shown keeps its size. */
  fit() {
    if (this.#host.isConnected && this.terminal.element?.offsetParent !== null) this.#fit.fit();
  }

  /** Reads the page's colours anew. */
  restyle() {
    Object.assign(this.terminal.options, terminalTheme(this.#host));
    this.fit();
  }

  /** Looks for text in what is shown and in the scroll-back; whether it was found. */
  find(text, { backwards = false } = {}) {
    return backwards ? this.#search.findPrevious(text) : this.#search.findNext(text);
  }

  /** A line that is not the shell's, below what was there. */
  async say(text) {
    const { terminal } = this;
    await new Promise((drawn) => terminal.write("", drawn));
    const leave = terminal.buffer.active.type === "alternate" ? LEAVE_ALTERNATE : "";
    terminal.write(`${leave}${PLAIN_MODES}\r\n\x1b[2m[${text.replaceAll("\n", "\r\n ")}]\x1b[0m\r\n`);
  }

  /** What it shows, as text that a terminal draws the same from. */
  picture() {
    for (let lines = KEPT_LINES; ; lines = Math.floor(lines / 2)) {
      const text = this.#serialize.serialize({ scrollback: lines });
      if (text.length <= MOST_KEPT || lines === 0) return text;
    }
  }

  dispose() {
    this.#watching.abort();
    this.#sizes.disconnect();
    this.terminal.dispose();
  }

  /** Ctrl+Shift+C and V, Ctrl+Insert, Ctrl+C with a selection, Ctrl+V; Ctrl+Shift+F finds. The rest is the shell's. */
  #key(event, onFind) {
    if (event.type !== "keydown" || event.metaKey || event.altKey) return true;
    const { terminal } = this;
    const key = event.key.toLowerCase();
    if (event.ctrlKey && event.shiftKey && key === "f") {
      event.preventDefault();
      onFind();
      return false;
    }
    const copies = (event.ctrlKey && (key === "insert" || (key === "c" && (event.shiftKey || terminal.hasSelection())))) || false;
    if (copies) {
      event.preventDefault();
      if (terminal.hasSelection()) {
        // A page that may not write to the clipboard has its own menu for it.
        navigator.clipboard?.writeText(terminal.getSelection()).catch(() => {});
        if (!event.shiftKey) terminal.clearSelection();
      }
      return false;
    }
    // Left to the browser, whose paste event xterm.js takes.
    return !((event.ctrlKey && key === "v") || (event.shiftKey && key === "insert"));
  }

  /** Draws on the graphics card where there is a real one. */
  async #accelerate() {
    if ((this.#host.getAttribute("renderer") ?? "auto") !== "auto") return;
    const context = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
    if (!context) return;
    context.getExtension("WEBGL_lose_context")?.loseContext();
    try {
      const { WebglAddon } = await import("./xterm_webgl.js");
      const addon = new WebglAddon();
      // A card that goes away leaves the drawing to the document again.
      addon.onContextLoss(() => addon.dispose());
      this.terminal.loadAddon(addon);
    } catch {
      // The document draws as well, only slower.
    }
  }
}
