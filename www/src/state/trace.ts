// What the calls of the page's client were and how they went: the last of each kind, and how open streams travel. Must
// not know what is shown of it.
import type { Interceptor, Transport } from "jetway";
import { Cell, type Watched } from "../base/cell";
import { describe, type Problem } from "../base/problem";

/** One attempt of a call. For a stream the time is that until it was open. */
export interface Call {
  readonly operation: string;
  readonly at: Date;
  readonly tookMs: number;
  readonly attempt: number;
  readonly problem?: Problem;
}

/** A stream that is open, or was last. */
export interface Stream {
  readonly name: string;
  readonly transport: Transport | undefined;
  readonly open: boolean;
}

const KEPT = 60;

/** Listens to a client. */
export class Trace {
  readonly #calls = new Cell<readonly Call[]>([]);
  readonly #streams = new Cell<ReadonlyMap<string, Stream>>(new Map());

  /** For `new Client({ interceptors: [trace.interceptor] })`. */
  readonly interceptor: Interceptor = ({ operation, attempt }) => {
    const at = new Date();
    const begun = performance.now();
    return (error) => {
      const problem = error === undefined ? {} : { problem: describe(error) };
      const call: Call = { operation, at, attempt, tookMs: performance.now() - begun, ...problem };
      this.#calls.set([call, ...this.#calls.value].slice(0, KEPT));
    };
  };

  /** The newest first. */
  get calls(): Watched<readonly Call[]> {
    return this.#calls;
  }

  /** By name: "Run", "Terminal 1". */
  get streams(): Watched<ReadonlyMap<string, Stream>> {
    return this.#streams;
  }

  /** Says how a stream is carried, once that is known, and when it is over. */
  note(name: string, transport: Transport | undefined, open: boolean): void {
    this.#streams.set(new Map(this.#streams.value).set(name, { name, transport, open }));
  }
}
