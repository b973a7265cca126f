// `<jetway-run>`: code that a reader can change and run, with what it printed and showed below it. Code of one language
// on a page shares an interpreter per sandbox, as the cells of a notebook do.

import { ElementBase, described, emit, leave, sandboxOf } from "./element_place.js";
import { show } from "./element_results.js";
import { RUN_STYLE, applyStyle } from "./element_style.js";

const MARKUP = `
<textarea part="code" spellcheck="false" autocomplete="off" autocapitalize="off" wrap="off"></textarea>
<div part="bar">
  <button type="button" data-main data-run>Run</button>
  <button type="button" data-stop hidden>Stop</button>
  <span role="status"></span>
</div>
<div part="output" role="log" aria-label="Output" tabindex="0"></div>`;

export class JetwayRun extends ElementBase {
  /** The sandbox to work in, instead of one by attributes. */
  sandbox;
  /** The client to use, instead of one by attributes. */
  client;
  /** A token, or an async function that gives one. */
  auth;
  #state = "idle";
  #place;
  #code;
  #running;

  /** idle, running or failed. */
  get state() {
    return this.#state;
  }

  get code() {
    return this.#area?.value ?? this.#code ?? this.#written();
  }

  set code(text) {
    this.#code = String(text);
    if (this.#area) this.#resize(this.#code);
  }

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    queueMicrotask(() => this.isConnected && this.hasAttribute("autorun") && this.#state === "idle" && void this.run());
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (!this.isConnected) void this.close();
    });
  }

  /** Runs the code. Resolves to its result, as `runCode` gives it; to undefined when it could not be run, which is shown. */
  async run() {
    this.stop();
    const running = (this.#running = new AbortController());
    const output = this.#part("output");
    output.replaceChildren();
    this.#become("running", this.#place ? "Running …" : "Starting …");
    const started = performance.now();
    try {
      this.#place ??= await sandboxOf(this);
      const result = await this.#place.sandbox.runCode(this.code, {
        language: this.getAttribute("language") ?? "python",
        signal: running.signal,
        onStdout: (text) => print(output, "stdout", text),
        onStderr: (text) => print(output, "stderr", text),
        onResult: (value) => show(output, value),
      });
      if (running !== this.#running) return undefined;
      const { error } = result;
      if (error) print(output, "error", error.traceback || `${error.name}: ${error.value}`);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      this.#become(error ? "failed" : "idle", `${error ? "Failed" : "Done"} in ${seconds} s`);
      emit(this, "result", { result });
      return result;
    } catch (error) {
      if (running !== this.#running) return undefined;
      if (running.signal.aborted) {
        this.#become("idle", "Stopped");
        return undefined;
      }
      const { message, hint } = described(error);
      print(output, "error", hint ? `${message}\n${hint}` : message);
      this.#become("failed", "Could not be run");
      if (this.#place?.own) this.#place = undefined;
      emit(this, "error", { error });
      return undefined;
    } finally {
      if (running === this.#running) this.#running = undefined;
    }
  }

  /** Interrupts the code. */
  stop() {
    this.#running?.abort();
  }

  /** Stops, and deletes the sandbox if the element made it. */
  async close() {
    this.stop();
    const place = this.#place;
    this.#place = undefined;
    if (place) await leave(place);
  }

  focus() {
    this.#area?.focus();
  }

  #become(state, text) {
    this.#state = state;
    this.setAttribute("data-state", state);
    const busy = state === "running";
    this.shadowRoot.querySelector("[data-run]").disabled = busy;
    this.shadowRoot.querySelector("[data-stop]").hidden = !busy;
    this.shadowRoot.querySelector("[part=bar] [role=status]").textContent = text;
    this.setAttribute("aria-busy", String(busy));
    emit(this, "statechange", { state });
  }

  #build() {
    const written = this.#code ?? this.#written();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    applyStyle(root, RUN_STYLE);
    const parts = document.createElement("template");
    parts.innerHTML = MARKUP;
    root.append(parts.content);
    const area = this.#area;
    const language = this.getAttribute("language") ?? "python";
    area.setAttribute("aria-label", this.getAttribute("label") ?? `Code in ${language}`);
    area.readOnly = this.hasAttribute("readonly");
    this.#resize(written);
    root.querySelector("[data-run]").addEventListener("click", () => void this.run());
    root.querySelector("[data-stop]").addEventListener("click", () => this.stop());
    area.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Ctrl+Enter runs; Tab indents, and after Escape goes on to the button, so that nobody is caught. */
  #key(event) {
    const area = this.#area;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void this.run();
    } else if (event.key === "Escape") {
      this.#leaving = true;
    } else if (event.key === "Tab" && !event.shiftKey && !this.#leaving && !area.readOnly) {
      event.preventDefault();
      area.setRangeText("    ", area.selectionStart, area.selectionEnd, "end");
    } else if (event.key !== "Tab") {
      this.#leaving = false;
    }
  }

  #leaving = false;

  #resize(text) {
    this.#area.value = text;
    this.#area.rows = Math.min(Math.max(text.split("\n").length, 2), 24);
  }

  /** The text between its tags, without the indentation that is the page's. */
  #written() {
    const lines = (this.textContent ?? "").replace(/^\s*\n/, "").trimEnd().split("\n");
    const depths = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
    const depth = depths.length ? Math.min(...depths) : 0;
    return lines.map((line) => line.slice(depth)).join("\n");
  }

  get #area() {
    return this.shadowRoot?.querySelector("[part=code]");
  }

  #part(name) {
    return this.shadowRoot.querySelector(`[part=${name}]`);
  }
}

function print(output, kind, text) {
  const last = output.lastElementChild;
  if (last?.dataset.kind === kind) {
    last.append(text);
    return;
  }
  const span = document.createElement("span");
  span.dataset.kind = kind;
  span.append(text);
  output.append(span);
}
