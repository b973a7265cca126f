// `<jetway-terminal>`: a shell in a sandbox. It survives a lost connection, a sleeping machine and, with `restore`, a
// reload; where it cannot, it says so and opens another one below what was there.

import { ElementBase, described, emit, leave, sandboxOf } from "./element_place.js";
import { Screen } from "./element_screen.js";
import { TERMINAL_STYLE, applyStyle } from "./element_style.js";

const GONE = "CWSANDBOX_TERMINAL_NOT_FOUND";
const STORED = "jetway-terminal:";
const SAVE_EVERY_MS = 5000;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15_000;

const MARKUP = `
<div part="screen"></div>
<form part="find" hidden>
  <input type="search" aria-label="Find in the terminal" autocomplete="off" spellcheck="false">
  <span role="status"></span>
  <button type="button" data-close aria-label="Close search">✕</button>
</form>
<div part="status" hidden>
  <span role="status"></span>
  <button type="button" data-main hidden></button>
</div>`;

export class JetwayTerminal extends ElementBase {
  /** The sandbox to work in, instead of one by attributes. */
  sandbox;
  /** The client to use, instead of one by attributes. */
  client;
  /** A token, or an async function that gives one. */
  auth;
  #state = "idle";
  #screen;
  #session;
  #place;
  #detach;
  /** Which start is current: an older one that ends late must not speak for the newer. */
  #turn = 0;
  #saving;
  #retrying;
  #failures = 0;
  #restored = false;

  /** idle, starting, open, reconnecting, ended or failed. */
  get state() {
    return this.#state;
  }

  /** The session of the shell, once there is one. */
  get session() {
    return this.#session;
  }

  /** The xterm.js terminal, once it is loaded. */
  get terminal() {
    return this.#screen?.terminal;
  }

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    addEventListener("pagehide", this.#save);
    document.addEventListener("visibilitychange", this.#save);
    // Properties that are set by whoever made it come after this.
    queueMicrotask(() => {
      if (!this.isConnected) return;
      if (this.#state === "idle" && !this.hasAttribute("manual")) void this.start();
      else this.#screen?.fit();
    });
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.#save);
    document.removeEventListener("visibilitychange", this.#save);
    // Moved about in the page it goes on; taken out of it, it is over.
    queueMicrotask(() => {
      if (!this.isConnected) void this.close();
    });
  }

  /** Opens the shell, or another one after it ended. Resolves when it is connected; what goes wrong is shown. */
  async start() {
    const turn = ++this.#turn;
    clearTimeout(this.#retrying);
    this.#let();
    this.#become("starting");
    try {
      this.#screen ??= await Screen.open(this, this.#part("screen"), { onFind: () => this.#find() });
      const earlier = this.#stored();
      const restoring = earlier && !this.#place;
      if (restoring && !this.#restored) this.#screen.terminal.write(earlier.picture);
      this.#restored = true;
      this.#place ??= await sandboxOf(this, earlier?.sandboxId);
      if (turn !== this.#turn) return;
      const { id, from } = restoring && earlier.sandboxId === this.#place.sandbox.sandboxId ? earlier : {};
      if (restoring && id === undefined) await this.#screen.say("the sandbox of the earlier shell is gone; this is a new one");
      await this.#open(turn, id, from);
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
    }
  }

  focus() {
    this.terminal?.focus();
  }

  /** Clears the screen and the scroll-back. */
  clear() {
    this.terminal?.clear();
  }

  /** Reads the page's colours anew. */
  restyle() {
    this.#screen?.restyle();
  }

  /** Looks for text in what is shown and in the scroll-back; whether it was found. */
  find(text, options) {
    return this.#screen?.find(text, options) ?? false;
  }

  /** Ends the shell, and the sandbox if the element made it. */
  async close() {
    this.#turn++;
    clearTimeout(this.#retrying);
    const [session, place] = [this.#session, this.#place];
    this.#let();
    this.#place = undefined;
    this.#forget();
    this.#become("idle");
    await session?.close().catch(() => {});
    if (place) await leave(place);
    if (!this.isConnected) {
      this.#screen?.dispose();
      this.#screen = undefined;
    }
  }

  async #open(turn, id, from) {
    const { terminal } = this.#screen;
    const { sandbox } = this.#place;
    const name = this.getAttribute("keep");
    const keep = id !== undefined ? { id, from, attachOnly: true } : name === "false" ? false : name || true;
    const line = this.getAttribute("command");
    const session = sandbox.shell({
      command: line ? ["/bin/sh", "-c", line] : undefined,
      cwd: this.getAttribute("cwd") ?? undefined,
      cols: terminal.cols,
      rows: terminal.rows,
      env: { COLORTERM: "truecolor" },
      keep,
      onState: (change) => turn === this.#turn && this.#changed(change),
    });
    this.#session = session;
    this.#detach = session.attach(terminal);
    this.#saving = setInterval(this.#save, SAVE_EVERY_MS);
    try {
      const exitCode = await session.wait();
      if (turn !== this.#turn) return;
      this.#forget();
      await this.#screen.say(`shell ended with exit code ${exitCode}`);
      this.#become("ended", { exitCode });
      emit(this, "exit", { exitCode });
    } catch (error) {
      if (turn !== this.#turn) return;
      // The sandbox is there and the shell is not: the next one is what whoever looks at it wants.
      if (error.reason !== GONE) throw error;
      this.#let();
      await this.#screen.say("the earlier shell is gone: it ended, or the server was restarted; this is a new one");
      await this.#open(turn);
    }
  }

  #changed(change) {
    this.#failures = 0;
    if (change.state === "open") this.#become("open", { kept: change.kept, resumed: change.resumed });
    else if (change.state === "dropped") void this.#screen.say(`${change.bytes} bytes of output are missing here: they were printed while nobody was connected`);
    else this.#become("reconnecting", { attempt: change.attempt, delayMs: change.delayMs, error: change.error });
  }

  #fail(error) {
    const { message, hint } = described(error);
    this.#become("failed", { error });
    emit(this, "error", { error });
    this.#status("danger", hint ? `${message} — ${hint}` : message, "Start again");
    if (error?.retryable) {
      const delay = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS);
      this.#retrying = setTimeout(() => void this.start(), delay);
      return;
    }
    // A sandbox that is over, or never came to be, is not to be asked again.
    if (this.#place?.own) this.#place = undefined;
    this.#forget();
  }

  #become(state, detail = {}) {
    this.#state = state;
    this.setAttribute("data-state", state);
    if (state === "reconnecting") this.#status("plain", `Connection lost: ${described(detail.error).message}. Trying again …`);
    else if (state === "ended") this.#status("plain", `The shell ended with exit code ${detail.exitCode}.`, "New shell");
    else if (state === "starting") this.#status("plain", "Connecting …");
    else this.#status();
    emit(this, "statechange", { state, ...detail });
  }

  #status(tone, text, action) {
    const bar = this.#part("status");
    const [label, button] = bar.children;
    bar.hidden = text === undefined;
    bar.dataset.tone = tone ?? "";
    label.textContent = text ?? "";
    button.hidden = action === undefined;
    button.textContent = action ?? "";
  }

  #let() {
    clearInterval(this.#saving);
    this.#detach?.();
    this.#detach = undefined;
    this.#session = undefined;
  }

  #build() {
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    applyStyle(root, TERMINAL_STYLE);
    const parts = document.createElement("template");
    parts.innerHTML = MARKUP;
    root.append(parts.content);
    if (!this.hasAttribute("role")) this.setAttribute("role", "group");
    if (!this.hasAttribute("aria-label")) this.setAttribute("aria-label", this.getAttribute("label") ?? "Terminal");
    this.#part("status").querySelector("button").addEventListener("click", () => void this.start().then(() => this.focus()));
    const form = this.#part("find");
    const [input, found] = form.children;
    const look = (backwards) => {
      found.textContent = input.value === "" || this.find(input.value, { backwards }) ? "" : "not found";
    };
    input.addEventListener("input", () => look(true));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter") look(!event.shiftKey);
      if (event.key === "Escape") this.#find(false);
    });
    form.querySelector("[data-close]").addEventListener("click", () => this.#find(false));
  }

  #find(open = true) {
    const form = this.#part("find");
    form.hidden = !open;
    if (open) form.querySelector("input").select();
    else this.focus();
  }

  #part(name) {
    return this.shadowRoot.querySelector(`[part=${name}]`);
  }

  // What is kept over a reload: in this tab only, as long as it is open.

  get #key() {
    return this.hasAttribute("restore") ? `${STORED}${this.getAttribute("restore") || this.id || "default"}` : undefined;
  }

  #save = () => {
    const session = this.#session;
    if (!this.#key || !session?.kept || session.exitCode !== undefined) return;
    const { sandboxId } = this.#place.sandbox;
    const state = { sandboxId, id: session.id, from: session.drawn, picture: this.#screen.picture() };
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(state));
    } catch {
      // A full or forbidden store costs the scroll-back of a reload, and nothing else.
      this.#forget();
    }
  };

  #stored() {
    try {
      const { sandboxId, id, from, picture } = JSON.parse((this.#key && sessionStorage.getItem(this.#key)) || "null") ?? {};
      return typeof id === "string" && typeof picture === "string" ? { sandboxId, id, from, picture } : undefined;
    } catch {
      return undefined;
    }
  }

  #forget() {
    try {
      if (this.#key) sessionStorage.removeItem(this.#key);
    } catch {
      // As when saving.
    }
  }
}
