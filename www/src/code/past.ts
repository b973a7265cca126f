// Runs that are over: what was run, what it wrote, how it ended. Kept for this tab, so that a reload shows the output that
// was there. Must not know how anything is run.
import { Cell, type Watched } from "../base/cell";
import { keep, recallJson } from "../base/keep";
import type { Written } from "../edit/output";

/** A run as it is remembered. */
export interface PastRun {
  readonly at: number;
  readonly path: string;
  readonly text: string;
  readonly outcome: string;
  readonly durationMs: number;
  readonly output: readonly Written[];
}

const KEPT = 25;
/** What one tab may keep is a few megabytes in all. */
const MOST_CHARACTERS = 1_500_000;
const KEY = "runs";

/** The runs of this tab, the newest first. */
export class Past {
  readonly #runs = new Cell<readonly PastRun[]>(recallJson(KEY, areRuns, [], "tab"));

  get runs(): Watched<readonly PastRun[]> {
    return this.#runs;
  }

  /** Adds a run, or puts it in place of the one that began at the same time. */
  add(run: PastRun): void {
    const others = this.#runs.value.filter(({ at }) => at !== run.at);
    this.#runs.set([run, ...others].slice(0, KEPT));
    let left = MOST_CHARACTERS;
    const fitting = this.#runs.value.filter(({ text, output }) => {
      left -= text.length + output.reduce((sum, piece) => sum + piece.text.length, 0);
      return left > 0;
    });
    keep(KEY, JSON.stringify(fitting), "tab");
  }

  clear(): void {
    this.#runs.set([]);
    keep(KEY, undefined, "tab");
  }
}

function areRuns(value: unknown): value is readonly PastRun[] {
  return Array.isArray(value) && value.every((run) => typeof run === "object" && run !== null && "at" in run && "output" in run && Array.isArray(run.output));
}
