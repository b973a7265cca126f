// Runs the program: files into the sandbox, then a process of its own or an interpreter that remembers; output and errors
// live, input by the line, stop. Must not know the editor and shows nothing itself.
import type { CodeResult, Process, Sandbox, Transport } from "jetway";
import { Cell, type Watched } from "../base/cell";
import type { OutputKind } from "../edit/output";
import { describe, type Problem } from "../base/problem";

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
  readonly onResult: (result: CodeResult) => void;
  /** How the stream of the run travels, and when it is over. */
  readonly onStream: (transport: Transport | undefined, open: boolean) => void;
  readonly onFailure: (error: unknown) => void;
}

/** What a run needs first. */
export interface Work {
  readonly sandbox: () => Promise<Sandbox>;
  /** Puts the files where the program looks for them. */
  readonly prepare: (sandbox: Sandbox, signal: AbortSignal) => Promise<void>;
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

  /** Runs a program of its own, with input; resolves when it is over. Never rejects. */
  start(work: Work, command: readonly string[]): Promise<void> {
    return this.#go(work, async (target, active) => {
      const process = target.exec([...command], { stdin: true, signal: active.abort.signal });
      active.process = process;
      const look = setInterval(() => process.transport !== undefined && this.#events.onStream(process.transport, true), 200);
      void process.finally(() => clearInterval(look)).catch(() => undefined);
      const { exitCode, durationMs } = await this.#follow(process);
      return { phase: "exited", exitCode, durationMs };
    });
  }

  /** Runs a text in the language's shared interpreter, which keeps what it defines. Never rejects. */
  startInContext(work: Work, language: string, text: string): Promise<void> {
    return this.#go(work, async (target, { abort }) => {
      const { error, status, durationMs, restarted } = await target.runCode(text, {
        language,
        signal: abort.signal,
        onStdout: (printed) => this.#events.onOutput("stdout", printed),
        onStderr: (printed) => this.#events.onOutput("stderr", printed),
        onResult: (result) => this.#events.onResult(result),
      });
      if (restarted) this.#events.onOutput("note", "[the interpreter is a new one: what was defined before is gone]\n");
      if (status === "interrupted" || abort.signal.aborted) return { phase: "stopped", durationMs };
      if (error !== null) this.#events.onOutput("stderr", `${error.traceback || `${error.name}: ${error.value}`}\n`);
      return { phase: "exited", exitCode: error === null ? 0 : 1, durationMs };
    });
  }

  async #go(work: Work, run: (target: Sandbox, active: Active) => Promise<Run>): Promise<void> {
    if (this.#active !== undefined) return;
    const active: Active = { abort: new AbortController() };
    this.#active = active;
    this.#run.set({ phase: "preparing" });
    let since = performance.now();
    try {
      const { signal } = active.abort;
      const target = await unlessAborted(work.sandbox(), signal);
      await work.prepare(target, signal);
      since = performance.now();
      this.#run.set({ phase: "running", since });
      this.#run.set(await run(target, active));
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
    ]).finally(() => this.#events.onStream(process.transport, false));
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
