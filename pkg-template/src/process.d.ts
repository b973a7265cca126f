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
  /**
   * Keeps it on the server when the connection is lost: it runs on, its last mebibyte of output is kept, and the session
   * connects again by itself. `true` for a new one, a name (or {@link KeepOptions}) to come back to one. Servers that
   * cannot keep terminals open a plain one: {@link TerminalSession.kept} says so. Default: it ends with its connection.
   */
  keep?: boolean | string | KeepOptions | undefined;
  /** Hears what the connection of a kept terminal does. */
  onState?: ((change: TerminalChange) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface KeepOptions {
  /**
   * Its name in the sandbox: 1 to 64 letters, digits, `-`, `_` and `.`. One of that name is connected to, otherwise it is
   * started. Default: a new name.
   */
  id?: string | undefined;
  /** From which byte of its output on to show it, as {@link TerminalSession.offset} said earlier. Default: all that is kept. */
  from?: number | undefined;
  /** How long it waits for somebody to come back, at most 24 hours. Default: the server's, 10 minutes. */
  forMs?: number | undefined;
  /** Fails with the reason `CWSANDBOX_TERMINAL_NOT_FOUND` instead of starting one; needs `id`. Default: false. */
  attachOnly?: boolean | undefined;
}

/** What the connection of a kept terminal does. */
export type TerminalChange =
  /** It stands. `kept` and `resumed` as in {@link TerminalSession}. */
  | { readonly state: "open"; readonly kept: boolean; readonly resumed: boolean }
  /** So many bytes that it printed are gone: more than what is kept of them. */
  | { readonly state: "dropped"; readonly bytes: number }
  /** It was lost; the next attempt, counted from 1, comes in `delayMs`, or as soon as the network is back. */
  | { readonly state: "reconnecting"; readonly attempt: number; readonly delayMs: number; readonly error: Error };

/** A terminal that a server keeps. */
export interface KeptTerminal {
  readonly id: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly createdAt: Date | undefined;
  /** How many are connected to it. */
  readonly connected: number;
  /** When it is ended unless somebody connects; undefined while somebody is. */
  readonly expiresAt: Date | undefined;
  /** Bytes of output so far. */
  readonly offset: number;
  /** Set once what ran in it has ended: it is kept for its last output. */
  readonly exitCode: number | undefined;
  readonly cols: number;
  readonly rows: number;
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
  /** The name under which it is kept; undefined when it was not asked to be, and until its sandbox is known. */
  readonly id: string | undefined;
  /** Whether it outlives its connection; undefined until that is known. */
  readonly kept: boolean | undefined;
  /** Whether it was there before this session. */
  readonly resumed: boolean;
  /** How much of a kept terminal's output came, in bytes from its start: where a later session goes on. */
  readonly offset: number;
  /** How many bytes of its output are missing, because more was printed while nobody was connected than is kept. */
  readonly dropped: number;
  /** How much of its output an attached terminal has drawn, as an offset: where whoever keeps the picture goes on. */
  readonly drawn: number;
  write(data: Data): Promise<void>;
  resize(cols: number, rows: number): Promise<void>;
  /** Waits for its exit code. */
  wait(options?: CallOptions): Promise<number>;
  /** Hangs up; the server ends the shell and its children, also a kept one. */
  close(): Promise<void>;
  /** Lets go of it: a kept terminal runs on, and waits for somebody to come back under its id. A plain one ends. */
  detach(): void;
  /** Connects a terminal with xterm.js's interface, sizes included. Returns a function that disconnects it. */
  attach(terminal: AttachableTerminal): () => void;
}
export const TerminalSession: { readonly prototype: TerminalSession };
