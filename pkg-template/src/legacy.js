// Option names of the older SDKs: those that mean the same thing under another name are taken, the others are refused
// with what took their place. Older values of present options (`network`, `ports`) are the core's to read. Must not know what the
// options do.

const same = (value) => value;
const seconds = (value, where, key) => {
  if (typeof value !== "number" || !(value >= 0)) throw new TypeError(`${where}: ${key} must be a number of seconds`);
  return value * 1000;
};

/** Old name: new names, the first of which the call has, and how the value changes. */
const RENAMED = {
  towerIds: [["runnerIds"], same],
  includeStopped: [["showTerminated"], same],
  timeoutSeconds: [["timeoutMs"], seconds],
  requestTimeoutSeconds: [["requestTimeoutMs"], seconds],
  maxTimeoutSeconds: [["requestTimeoutMs", "timeoutMs"], seconds],
};

const GONE = {
  runwayIds: 'runways are gone; choose with template, or with placementMode: "serverless" or "cks"',
  profileIds: "profiles are gone; use template",
  profileNames: "profiles are gone; use template",
  s3Mount: "nothing is mounted any more; objectStorageAccess: { buckets, permission } gives processes temporary credentials instead",
};

/** The options under their present names; the same object where there is nothing to rename. */
export function renamed(options, known, where) {
  let result = options;
  for (const [key, value] of Object.entries(options)) {
    if (known.includes(key)) continue;
    // Without a value it is as if it were not there.
    if (key in GONE && value !== undefined) throw new TypeError(`${where}: there is no ${key} any more: ${GONE[key]}`);
    const [names, change] = RENAMED[key] ?? [];
    const name = names?.find((it) => known.includes(it));
    if (!name && !(key in GONE)) continue;
    const { [key]: _, ...rest } = result;
    result = rest;
    if (value === undefined) continue;
    if (rest[name] !== undefined) throw new TypeError(`${where}: ${key} and ${name} are the same option; give one`);
    result[name] = change(value, where, key);
  }
  return result;
}
