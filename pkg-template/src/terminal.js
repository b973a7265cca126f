// A shell in a terminal: raw bytes both ways, and a size. Must not know what shows it.

import { invalid } from "./errors.js";

/** Bytes that a terminal may have taken and not drawn. */
const DRAWING_HIGH = 32 * 1024;

export class TerminalSession {
  #process;
  #kept;
  #drawn = 0;

  /**
   * @param {{ terminal: () => object | undefined, id: string | undefined, state: () => string }} [kept] when it is to be kept
   * @internal
   */
  constructor(process, kept) {
    this.#process = process;
    this.#kept = kept;
  }

  /** The name under which it is kept; undefined when it was not asked to be, and until its sandbox is known. */
  get id() {
    return this.#kept?.id();
  }

  /** Whether it outlives its connection; undefined until that is known. */
  get kept() {
    return this.#kept ? this.#kept.terminal()?.kept : false;
  }

  /** Whether it was there before this session. */
  get resumed() {
    return this.#kept?.terminal()?.resumed ?? false;
  }

  /** How much of its output came, in bytes from its start: where a later session goes on. */
  get offset() {
    return this.#kept?.terminal()?.offset ?? 0;
  }

  /** How many bytes of its output are missing. */
  get dropped() {
    return this.#kept?.terminal()?.dropped ?? 0;
  }

  /** How much of its output an attached terminal has drawn, as an offset: where whoever keeps the picture goes on. */
  get drawn() {
    const terminal = this.#kept?.terminal();
    return terminal ? terminal.first + terminal.dropped + this.#drawn : this.#drawn;
  }

  /** Lets go of it: a kept terminal runs on, and waits for somebody to come back under its id. */
  detach() {
    this.#process.cancel();
  }

  /** What the terminal shows, raw. */
  get output() {
    return this.#process.stdout;
  }

  /** What is typed. */
  get input() {
    return this.#process.stdin;
  }

  get command() {
    return this.#process.command;
  }

  /** undefined while it runs. */
  get exitCode() {
    return this.#process.exitCode;
  }

  get transport() {
    return this.#process.transport;
  }

  write(data) {
    return this.#process.write(data);
  }

  async resize(cols, rows) {
    checkSize(cols, rows);
    await this.#process._resize(cols, rows);
  }

  /** Waits for its exit code. */
  wait(options) {
    return this.#process.wait(options);
  }

  /** Hangs up; the server ends the shell and its children. */
  async close() {
    const ended = this.#process.exitCode !== undefined;
    if (this.kept && !ended) await this.#kept.terminal().end().catch(() => {});
    await this.#process[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }

  /**
   * Connects a terminal with xterm.js's interface, both ways, sizes included. Returns a function that disconnects it.
   * @param {{ write(data: Uint8Array, done?: () => void): void, onData: Function, onBinary?: Function, onResize?: Function }} terminal
   */
  attach(terminal) {
    const quiet = (promise) => promise.catch(() => {});
    const bytes = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
    const held = [
      terminal.onData((text) => quiet(this.write(text))),
      terminal.onBinary?.((text) => quiet(this.write(bytes(text)))),
      terminal.onResize?.(({ cols, rows }) => quiet(this.resize(cols, rows))),
    ];
    const reader = this.output.getReader();
    // A terminal that is slower than the shell slows the shell down: only so much waits to be drawn.
    let drawing = 0;
    let drawn;
    const show = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        drawing += value.length;
        terminal.write(value, () => {
          drawing -= value.length;
          this.#drawn += value.length;
          if (drawing <= DRAWING_HIGH) drawn?.();
        });
        if (drawing > DRAWING_HIGH) await new Promise((resolve) => (drawn = resolve));
      }
    };
    // Why it ended is told to whoever waits for the session.
    quiet(show());
    return () => {
      for (const it of held) it?.dispose();
      quiet(reader.cancel());
    };
  }
}

export function checkSize(cols, rows) {
  for (const [field, value] of [["cols", cols], ["rows", rows]]) {
    if (!Number.isInteger(value) || value < 1 || value > 0xffff) {
      throw invalid(field, `must be a whole number from 1 to 65535, got ${value}`);
    }
  }
}
