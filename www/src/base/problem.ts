// An error in the library's own words: message, hint and code, ready to be shown. Must not reword them and must not
// decide what happens next.

/** What went wrong, as the page shows it. */
export interface Problem {
  readonly message: string;
  readonly hint?: string;
  readonly code?: string;
}

/** Reads the library's fields from anything that was thrown. */
export function describe(error: unknown): Problem {
  if (!(error instanceof Error)) return { message: String(error) };
  const { hint, code } = error as Error & { hint?: unknown; code?: unknown };
  return {
    message: error.message || error.name,
    ...(typeof hint === "string" && hint !== "" ? { hint } : {}),
    ...(typeof code === "string" && code !== "" ? { code } : {}),
  };
}

/** One paragraph of text, for places without markup. */
export function sentence(problem: Problem): string {
  const code = problem.code === undefined ? "" : ` (${problem.code})`;
  return problem.hint === undefined ? `${problem.message}${code}` : `${problem.message}${code}\n${problem.hint}`;
}

const LOST: ReadonlySet<string> = new Set(["network_error", "unavailable", "authentication_error"]);

/** True for errors that mean "ask whether the server is still there". */
export function looksLikeLostServer(error: unknown): boolean {
  return LOST.has(describe(error).code ?? "");
}
