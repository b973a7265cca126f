// Code contexts: interpreters in a sandbox that keep their state.
import type { CallOptions, Data } from "./index.js";

export type CodeLanguage = "python" | "javascript" | "bash";

export interface ContextOptions {
  /** Default: `"python"`. Also its short forms: `"py"`, `"js"`, `"node"`. */
  language?: CodeLanguage | (string & {}) | undefined;
  /** Where it begins, absolute. Default: the sandbox's working directory. */
  cwd?: string | undefined;
  /** On top of the sandbox's environment. */
  env?: Record<string, string | undefined> | undefined;
}

export interface RunInContextOptions extends CallOptions {
  /** Text as it is printed. A promise that it returns is awaited, and slows the code down. */
  onStdout?: ((text: string) => unknown) | undefined;
  onStderr?: ((text: string) => unknown) | undefined;
  /** Results as they are shown. */
  onResult?: ((result: CodeResult) => unknown) | undefined;
  /** How long the code may run; then it is interrupted and `timedOut` is set. What it left behind stays. */
  timeoutMs?: number | undefined;
  /** Runs it without counting it and without showing its value. */
  silent?: boolean | undefined;
}

export interface RunCodeOptions extends RunInContextOptions {
  /** Default: the context's, else `"python"`. */
  language?: CodeLanguage | (string & {}) | undefined;
  /** A context or its id. Default: one that all callers with the same language share. */
  context?: CodeContext | string | undefined;
}

/** A value that was shown, in as many forms as it has. */
export interface CodeResult {
  /** Whether it is the value of the last expression; otherwise it was displayed on the way. */
  readonly isValue: boolean;
  readonly text?: string;
  readonly html?: string;
  readonly markdown?: string;
  readonly svg?: string;
  readonly png?: Uint8Array;
  readonly jpeg?: Uint8Array;
  readonly pdf?: Uint8Array;
  readonly latex?: string;
  readonly json?: unknown;
  readonly javascript?: string;
  /** All forms by MIME type. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** An exception of the code. */
export interface CodeError {
  readonly name: string;
  readonly value: string;
  readonly traceback: string;
}

/** What a run gave. */
export interface Execution {
  readonly stdout: string;
  readonly stderr: string;
  /** What it showed, in order; its value last. */
  readonly results: readonly CodeResult[];
  /** The value of the last expression as text. */
  readonly text: string | undefined;
  readonly error: CodeError | null;
  /** `exited`: with its interpreter, whatever that knew is gone. */
  readonly status: "ok" | "error" | "interrupted" | "timeout" | "exited";
  readonly timedOut: boolean;
  readonly executionCount: number;
  readonly durationMs: number;
  /** Whether the state of earlier calls was lost, before this call or by it. */
  readonly restarted: boolean;
  /** Whether output is missing: more than 64 MiB, or dropped while nobody was attached. */
  readonly truncated: boolean;
}

export interface ContextInfo {
  readonly id: string;
  readonly language: CodeLanguage;
  readonly version: string;
  readonly cwd: string;
  readonly pid: number;
  /** Whether it still has its interpreter; otherwise the next run gets a new one and says so. */
  readonly alive: boolean;
  readonly startedAt: Date;
}

/** An interpreter that keeps its state over calls, reconnects and page loads. Runs are done one after another. */
export interface CodeContext extends AsyncDisposable {
  /** Enough to find it again from anywhere: `sandbox.code.context(id)`. */
  readonly id: string;
  readonly language: CodeLanguage;
  /** Runs code. An exception of the code is in the result, not thrown; `signal` interrupts. */
  run(code: Data, options?: RunInContextOptions): Promise<Execution>;
  /** Interrupts whatever runs in it, whoever asked for it. Its state stays. */
  interrupt(): Promise<void>;
  /** Gives it a new interpreter; what runs ends, what waits goes on in the new one. */
  restart(): Promise<void>;
  /** Ends it with everything in it. */
  delete(): Promise<void>;
}
export const CodeContext: { readonly prototype: CodeContext };

/** The code contexts of a sandbox. */
export interface Code {
  createContext(options?: ContextOptions): Promise<CodeContext>;
  /** A context by its id. Whether it is there shows when it is used. */
  context(id: string | CodeContext): CodeContext;
  /** All contexts of the sandbox, whoever started them. */
  list(): Promise<ContextInfo[]>;
}
export const Code: { readonly prototype: Code };
