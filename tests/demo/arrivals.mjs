// When lines arrived, and whether that was while the program ran. Pure.
import assert from "node:assert/strict";

/** What every part of the demo runs: ten lines, 100 ms apart. */
export const LINES = 10;
export const GAP_MS = 100;

/** Fails unless the ten lines came one by one: a burst at the end is what a buffering transport looks like. */
export function assertLive(times) {
  assert.equal(times.length, LINES, `${times.length} lines instead of ${LINES}`);
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  const apart = gaps.filter((gap) => gap >= GAP_MS * 0.3).length;
  const spread = times.at(-1) - times[0];
  const shown = gaps.map((gap) => Math.round(gap)).join(" ");
  assert.ok(spread >= (LINES - 1) * GAP_MS * 0.8, `all lines within ${Math.round(spread)} ms; gaps: ${shown}`);
  assert.ok(apart >= LINES - 3, `lines came in bursts; gaps in ms: ${shown}`);
  return `${LINES} lines over ${Math.round(spread)} ms, gaps in ms: ${shown}`;
}
