// Which terminals were open before a reload: in this tab of the browser only. Their screens are the elements' business.

/** A terminal, as far as it survives a reload. */
export interface StoredTab {
  readonly number: number;
  /** Under which its screen is kept. */
  readonly key: string;
  readonly shown: boolean;
}

const name = (sandboxId: string) => `jetway-terminals:${sandboxId}`;

/** Those of a sandbox; none when there were none, or nobody may know. */
export function restoreTabs(sandboxId: string | undefined): readonly StoredTab[] {
  if (sandboxId === undefined) return [];
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(name(sandboxId)) ?? "[]");
    return Array.isArray(stored) ? stored.filter(isTab) : [];
  } catch {
    return [];
  }
}

export function storeTabs(sandboxId: string, tabs: readonly StoredTab[]): void {
  try {
    sessionStorage.setItem(name(sandboxId), JSON.stringify(tabs));
  } catch {
    // Without a store a reload begins with one new terminal.
  }
}

function isTab(value: unknown): value is StoredTab {
  if (typeof value !== "object" || value === null) return false;
  const { number, key } = value as Record<string, unknown>;
  return typeof number === "number" && typeof key === "string";
}
