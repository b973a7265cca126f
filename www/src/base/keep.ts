// What the page remembers: in this browser, or in this tab only. Must not know what it is.

/** The text kept under a name, where the browser lets the page keep anything. */
export function recall(name: string, where: "browser" | "tab" = "browser"): string | undefined {
  try {
    return storage(where).getItem(`jetway.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a text; `undefined` forgets it. Says whether that worked: storage can be full or forbidden. */
export function keep(name: string, text: string | undefined, where: "browser" | "tab" = "browser"): boolean {
  try {
    if (text === undefined) storage(where).removeItem(`jetway.${name}`);
    else storage(where).setItem(`jetway.${name}`, text);
    return true;
  } catch {
    return false;
  }
}

/** The value kept as JSON, or the other one: what an older page kept may have another shape. */
export function recallJson<T>(name: string, check: (value: unknown) => value is T, otherwise: T, where: "browser" | "tab" = "browser"): T {
  try {
    const value: unknown = JSON.parse(recall(name, where) ?? "null");
    return check(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

function storage(where: "browser" | "tab"): Storage {
  return where === "tab" ? sessionStorage : localStorage;
}
