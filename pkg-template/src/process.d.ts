// Processes and terminals.
import type { CallOptions, Transport } from "./index.js";
import type { CancelledError, SandboxCommandTimeoutError, SandboxExecutionError } from "./errors.js";

export interface TerminalSize {
  cols: number;
  rows: number;
}

/** What can be written to a process or a file. */
export type Data = string | Uint8Array | ArrayBuffer | ArrayBufferView;

export interface ExecOptions extends CallOptions {
  /** Working directory, absolute. */
  cwd?: string | undefined;
  /** On top of the sandbox's environment. */
  env?: Record<string, string | undefined> | undefined;
  /** Makes a non-zero exit a {@link SandboxExecutionError} whose `result` is the process's. */
  check?: boolean | undefined;
  /** How long the command may run; then it is killed and its promise rejects with a {@link SandboxCommandTimeoutError}. */
  timeoutMs?: number | undefined;
  /** Opens stdin. Without it the command reads end of file. */
  stdin?: boolean | undefined;
  /** Written to stdin, which then closes. */
  input?: Data | Blob | ReadableStream<Data> | AsyncIterable<Data> | undefined;
  /** How much output that nobody streams is kept, each of stdout and stderr; beyond it the middle is dropped. Default: 64 MiB. */
  maxBufferBytes?: number | undefined;
  /** Gives it a terminal; all output then comes on stdout. */
  tty?: boolean | TerminalSize | undefined;
  container?: string | undefined;
}

/** How a process ended. Frozen; texts are decoded when they are first read. */
export interface ProcessResult {
  /** What it printed, except what was streamed. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** 128 + n after signal n; -1 in the partial result of a process whose end is not known. */
  readonly exitCode: number;
  /** @deprecated the same as `exitCode` */
  readonly returncode: number;
  readonly command: readonly string[];
  readonly durationMs: number;
  readonly ok: boolean;
  /** Whether the middle of stdout or stderr was dropped for its size. */
  readonly truncated: boolean;
  readonly timedOut: boolean;
}

/**
 * A process in a sandbox, and a promise of its result. It runs whether or not anybody waits.
 *
 * Chunks of `stdout` and `stderr` may share one buffer with their neighbours: copy with `slice()` what you keep for long
 * or transfer.
 */
export interface Process extends PromiseLike<ProcessResult>, AsyncIterable<string>, AsyncDisposable {
  /** Live output. What is streamed is not collected; what is held and not read stops the process when it is full. */
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** There with `stdin: true`. Waits for the process, cuts into chunks, holds writers back. */
  readonly stdin: WritableStream<Data> | undefined;
  readonly stdinClosed: boolean;
  /** Live lines without their ends. Iterating the process is `lines("stdout")`. */
  lines(which?: "stdout" | "stderr" | "all"): AsyncGenerator<string, void, undefined>;
  /** All of stdout, once it ended. */
  text(): Promise<string>;
  /** Feeds stdout into another process, also of another sandbox; returns that one. */
  pipe<Target extends Process>(other: Target): Target;
  write(data: Data): Promise<void>;
  writeLine(text: string): Promise<void>;
  closeStdin(): Promise<void>;
  /** Its result. A limit here ends the waiting, not the process. */
  result(options?: CallOptions): Promise<ProcessResult>;
  /** Its exit code. A limit here ends the waiting, not the process. */
  wait(options?: CallOptions): Promise<number>;
  /** Its exit code, or undefined while it runs. */
  poll(): number | undefined;
  /** Signals it and its children by a signal's name or number; resolves to whether there was one to signal. Default: KILL. */
  kill(signal?: string | number): Promise<boolean>;
  /** Ends it; whoever waits gets a {@link CancelledError}. */
  cancel(reason?: unknown): void;
  readonly exitCode: number | undefined;
  /** @deprecated the same as `exitCode` */
  readonly returncode: number | undefined;
  readonly command: readonly string[];
  /** How it is connected; undefined until it is. */
  readonly transport: Transport | undefined;
  catch<T = never>(rejected?: ((reason: any) => T | PromiseLike<T>) | null): Promise<ProcessResult | T>;
  finally(act?: (() => void) | null): Promise<ProcessResult>;
}
export const Process: { readonly prototype: Process };

/** A process that takes input. */
export interface InteractiveProcess extends Process {
  readonly stdin: WritableStream<Data>;
}

/** What a template of {@link Sandbox.$} takes: a word, or several. */
export type ShellValue = string | number | bigint | boolean | readonly (string | number | bigint | boolean)[];

export interface ShellOptions {
  /** What to run. Default: bash where there is one, else sh. */
  command?: readonly string[] | undefined;
  /** Default: 80. */
  cols?: number | undefined;
  /** Default: 24. */
  rows?: number | undefined;
  cwd?: string | undefined;
  env?: Record<string, string | undefined> | undefined;
  container?: string | undefined;
  /** How long it may run; then it is killed. Default: for ever. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** The part of xterm.js that a session needs. */
export interface AttachableTerminal {
  write(data: Uint8Array, done?: () => void): void;
  onData(listener: (text: string) => void): { dispose(): void };
  onBinary?(listener: (text: string) => void): { dispose(): void };
  onResize?(listener: (size: TerminalSize) => void): { dispose(): void };
}

/** A process in a terminal: raw bytes both ways, and a size. */
export interface TerminalSession extends AsyncDisposable {
  readonly output: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly input: WritableStream<Data>;
  readonly command: readonly string[];
  readonly exitCode: number | undefined;
  readonly transport: Transport | undefined;
  write(data: Data): Promise<void>;
  resize(cols: number, rows: number): Promise<void>;
  /** Waits for its exit code. */
  wait(options?: CallOptions): Promise<number>;
  /** Hangs up; the server ends the shell and its children. */
  close(): Promise<void>;
  /** Connects a terminal with xterm.js's interface, sizes included. Returns a function that disconnects it. */
  attach(terminal: AttachableTerminal): () => void;
}
export const TerminalSession: { readonly prototype: TerminalSession };
