// Remote functions: functions of this program, or Python by its source, that run in a sandbox.
import type { CallOptions, RunOptions } from "./index.js";

export interface RemoteFunctionOptions extends CallOptions {
  /** What the function refers to and does not get as an argument, by name. Functions in it travel as their source. */
  bind?: Record<string, unknown> | undefined;
  /**
   * How values travel: `"json"` refuses what JSON would change; `"structured"` also carries Map, Set, Date, BigInt, typed
   * arrays, errors, `undefined` and cycles (JavaScript only). Default: `"json"`.
   */
  serialization?: "json" | "structured" | undefined;
  /** Where it runs, absolute; `require` and Python's imports look there. */
  cwd?: string | undefined;
  env?: Record<string, string | undefined> | undefined;
  container?: string | undefined;
  /** Where its files lie while it runs. Default: `/tmp`. */
  tempDir?: string | undefined;
  /** What it prints, as it comes. Otherwise it is collected, and with an error if it fails. */
  onStdout?: ((text: string) => unknown) | undefined;
  onStderr?: ((text: string) => unknown) | undefined;
}

/** Those of the call, and those of the sandbox that it has to itself. */
export interface SessionFunctionOptions
  extends Omit<RemoteFunctionOptions, "cwd" | "env">,
    Omit<RunOptions, "command" | "args" | "detached" | "signal" | "client"> {}

export interface MapOptions {
  /** How many run at once. Default: 16. */
  concurrency?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A function that runs elsewhere. What it throws there is a `SandboxExecutionError` here, with its own stack. */
export interface RemoteFunction<Args extends unknown[] = any[], Result = any> {
  (...args: Args): Promise<Awaited<Result>>;
  /** The same as calling it. */
  remote(...args: Args): Promise<Awaited<Result>>;
  /** Calls it for each item, which is one call's arguments; a promise for each, in their order. */
  map(items: Iterable<Args>, options?: MapOptions): Promise<Awaited<Result>>[];
  /** Calls it here, without a sandbox. */
  local(...args: Args): Result;
  /** The same function with other options on top of its own. */
  withOptions(options: SessionFunctionOptions): RemoteFunction<Args, Result>;
}

/** A Python function: it has no `local`. */
export type RemotePythonFunction<Args extends unknown[] = any[], Result = any> = Omit<RemoteFunction<Args, Result>, "local"> & ((...args: Args) => Promise<Result>);

/** What Python source a value in a template may become. */
export type PythonValue = string | number | bigint | boolean | null | undefined | readonly PythonValue[] | { readonly [key: string]: PythonValue };
