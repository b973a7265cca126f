import type { CallOptions } from "./index.js";

/** Where in a log a stream has come. */
export interface LogPosition {
  readonly sessionId: string;
  readonly offset: number;
}

export interface LogOptions extends CallOptions {
  /** Goes on until the main command ends. Default: what there is now. */
  follow?: boolean | undefined;
  /** Only so many of the last lines. */
  tailLines?: number | undefined;
  /** Only what was printed since then: a date, or milliseconds since 1970. */
  since?: Date | number | undefined;
  /** Puts the time before each line. */
  timestamps?: boolean | undefined;
  container?: string | undefined;
  /** Goes on after the last piece of an earlier stream; only `follow` may be given with it. */
  resume?: LogPosition | undefined;
}

/** A piece of a log. */
export interface LogChunk {
  readonly data: Uint8Array<ArrayBuffer>;
  /** When it was printed. */
  readonly timestamp: Date | undefined;
  /** Where to go on after it. */
  readonly position: LogPosition;
}

/**
 * A log as it comes; iterating it gives lines. A connection that breaks is made again, and the log goes on at the next
 * byte. For one reader; leaving an iteration ends it.
 */
export interface LogStream extends AsyncIterable<string>, AsyncDisposable {
  /** Where it has come, for `resume`. */
  readonly position: LogPosition | undefined;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  lines(): AsyncGenerator<string, void, undefined>;
  /** All of it, once it ended. */
  text(): Promise<string>;
  chunks(): AsyncGenerator<LogChunk, void, undefined>;
  cancel(): void;
}
export const LogStream: { readonly prototype: LogStream };
