// Runs the program: file into the sandbox, process, output and errors live, input by the line, stop. Must not know
// the editor and shows nothing itself.
import type { Process, Sandbox } from "jetway";
import { Cell, type Watched } from "./cell";
import type { Language } from "./languages";
import type { OutputKind } from "./output";
import { describe, type Problem } from "./problem";

/** How far the run is. */
export type Run =
  | { readonly phase: "idle" }
  | { readonly phase: "preparing" }
  | { readonly phase: "running"; readonly since: number }
  | { readonly phase: "exited"; readonly exitCode: number; readonly durationMs: number }
  | { readonly phase: "stopped"; readonly durationMs: number }
  | { readonly phase: "failed"; readonly problem: Problem };

/** Where a run writes, and what it tells when the server was lost. */
export interface RunnerEvents {
  readonly onOutput: (kind: OutputKind, text: string) => void;
  readonly onFailure: (error: unknown) => void;
}

interface Active {
  readonly abort: AbortController;
  process?: Process;
}

/** Runs one program at a time. */
export class Runner {
  readonly #events: RunnerEvents;
  readonly #run = new Cell<Run>({ phase: "idle" });
  #active: Active | undefined;

  constructor(events: RunnerEvents) {
    this.#events = events;
  }

  get run(): Watched<Run> {
    return this.#run;
  }

  get busy(): boolean {
    return this.#active !== undefined;
  }

  /** Writes the text where the language wants it and runs it; resolves when the program is over. Never rejects. */
  async start(language: Language, text: string, sandbox: () => Promise<Sandbox>): Promise<void> {
    if (this.#active !== undefined) return;
    const active: Active = { abort: new AbortController() };
    this.#active = active;
    this.#run.set({ phase: "preparing" });
    let since = performance.now();
    try {
      const { signal } = active.abort;
      const target = await unlessAborted(sandbox(), signal);
      await target.writeFile(language.path, text, { signal });
      since = performance.now();
      const process = target.exec([...language.command], { stdin: true, signal });
      active.process = process;
      this.#run.set({ phase: "running", since });
      const result = await this.#follow(process);
      this.#run.set({ phase: "exited", exitCode: result.exitCode, durationMs: result.durationMs });
    } catch (error) {
      this.#ended(error, active, performance.now() - since);
    } finally {
      this.#active = undefined;
    }
  }

  /** Ends the program; whatever it has written stays. */
  stop(): void {
    this.#active?.abort.abort();
  }

  /** Gives the program one line of input. */
  async send(line: string): Promise<void> {
    await this.#write((process) => {
      this.#events.onOutput("stdin", `${line}\n`);
      return process.writeLine(line);
    });
  }

  /** Ends the program's input, as Ctrl-D does in a terminal. */
  async endInput(): Promise<void> {
    await this.#write((process) => process.closeStdin());
  }

  async #write(act: (process: Process) => Promise<void>): Promise<void> {
    const process = this.#active?.process;
    if (process === undefined) return;
    try {
      await act(process);
    } catch (error) {
      // The program may have closed its input or be over already; both are its right, neither ends the run.
      if (this.#active?.process === process) this.#events.onOutput("note", `[input not taken: ${describe(error).message}]\n`);
    }
  }

  async #follow(process: Process): Promise<{ exitCode: number; durationMs: number }> {
    const [, , result] = await Promise.all([
      this.#pump("stdout", process.stdout),
      this.#pump("stderr", process.stderr),
      process.result(),
    ]);
    return result;
  }

  async #pump(kind: OutputKind, stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      this.#events.onOutput(kind, decoder.decode(value, { stream: true }));
    }
    this.#events.onOutput(kind, decoder.decode());
  }

  #ended(error: unknown, active: Active, durationMs: number): void {
    if (active.abort.signal.aborted) {
      this.#run.set({ phase: "stopped", durationMs });
      return;
    }
    this.#run.set({ phase: "failed", problem: describe(error) });
    this.#events.onFailure(error);
  }
}

/** Waits for the work, but not longer than the signal lets it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
