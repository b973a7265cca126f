// The moment when the first view is there: what it can do without waits for that, so that until then the wire and the
// thread are the first view's alone. Must not know what is in it.

/** Longest wait for a quiet moment of a page that has plenty to do. */
const QUIET_WITHIN_MS = 500;

let resolve: () => void;

/** Resolves when the first view has been painted and the page is idle; never rejects. */
export const afterFirstView = new Promise<void>((done) => (resolve = done));

/** The first view can be used. `tests/browser/figures.mjs` reads the mark; what is asked for later is not the first view's. */
export function firstViewIsThere(): void {
  if (performance.getEntriesByName("first-view").length > 0) return;
  performance.mark("first-view");
  // Safari has no idle callbacks.
  if ("requestIdleCallback" in window) requestIdleCallback(() => resolve(), { timeout: QUIET_WITHIN_MS });
  else setTimeout(resolve, QUIET_WITHIN_MS);
}
