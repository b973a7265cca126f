// A plain frozen value that a server has: the base of templates, stores, runners, snapshots and volumes.

/** A value as the server has it: what ends in `Ms` becomes a Date. */
export class Entry {
  constructor(plain) {
    for (const [key, value] of Object.entries(plain)) {
      if (key.endsWith("AtMs")) this[key.slice(0, -2)] = value === undefined ? undefined : new Date(value);
      else this[key] = value !== null && typeof value === "object" ? Object.freeze(value) : value;
    }
    Object.freeze(this);
  }
}
