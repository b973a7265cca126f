// Turns samples into figures, ratios and goals. Pure: it measures nothing and prints nothing.

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const low = Math.floor(place);
  return sorted[low] + (sorted[Math.ceil(place)] - sorted[low]) * (place - low);
}

export const median = (values) => quantile(values, 0.5);

/**
 * Lines of a throughput table and its goals, from the samples of interleaved clients. A ratio is the median of the
 * rounds' own ratios: what ran side by side is compared, so that a machine that slows down does not matter.
 */
export function throughput(title, { samples, wasm }, bytes, { judged = true } = {}) {
  const ratio = (peer, name) => median(samples[name].map(({ seconds }, round) => samples[peer][round].seconds / seconds));
  const rows = Object.entries(samples).map(([name, list]) => ({
    client: name,
    "MiB/s": bytes / 2 ** 20 / median(list.map(({ seconds }) => seconds)),
    best: bytes / 2 ** 20 / Math.min(...list.map(({ seconds }) => seconds)),
    "CPU s/GB": list[0].cpuSeconds && (median(list.map(({ cpuSeconds }) => cpuSeconds)) / bytes) * 1e9,
    "/ raw fetch": ratio("raw fetch", name),
    "/ connect-web": ratio("connect-web", name),
  }));
  const goals = rows
    .filter(({ client }) => judged && client.startsWith("jetway"))
    .flatMap((row) => [
      atLeast(`${title}: ${row.client} / raw fetch`, row["/ raw fetch"], 0.9),
      atLeast(`${title}: ${row.client} / connect-web`, row["/ connect-web"], 1.3),
    ]);
  if (judged) goals.push(atMost(`${title}: growth of wasm memory, MiB`, (wasm.after - wasm.before) / 2 ** 20, 8));
  return { title, rows, goals, wasm, samples };
}

/** Lines of a latency table and its goals, from samples in milliseconds. */
export function latency(title, { figures }, limits) {
  const rows = Object.entries(figures).map(([name, list]) => ({
    what: name,
    p50: quantile(list, 0.5),
    p95: quantile(list, 0.95),
    samples: list.length,
  }));
  const goals = Object.entries(limits).map(([name, limit]) => atMost(`${title}: ${name}, p50 ms`, quantile(figures[name], 0.5), limit));
  return { title, rows, goals };
}

/** Lines about a proxy beside no proxy, and its goals. */
export function proxied(title, { streams, calls, cancels, idle }, bytes) {
  const [direct, through] = ["direct", "through the proxy"];
  const ratio = median(streams[through].map(({ seconds }, round) => streams[direct][round].seconds / seconds));
  const rows = [direct, through].map((name) => ({
    way: name,
    "MiB/s": bytes / 2 ** 20 / median(streams[name].map(({ seconds }) => seconds)),
    "/ direct": name === through ? ratio : 1,
    "call p50 ms": quantile(calls[name], 0.5),
    "call p95 ms": quantile(calls[name], 0.95),
    "cancel p50 ms": name === through ? quantile(cancels, 0.5) : undefined,
    "cancel max ms": name === through ? Math.max(...cancels) : undefined,
    [`${idle.streams} idle, MiB`]: name === through ? idle.after : undefined,
  }));
  const added = quantile(calls[through], 0.5) - quantile(calls[direct], 0.5);
  const goals = [
    atLeast("jetway proxy: throughput / direct", ratio, 0.8),
    atMost("jetway proxy: added latency, p50 ms", added, 0.3),
    atMost("jetway proxy: until the upstream hears of a cancel, p95 ms", quantile(cancels, 0.95), 50),
    atMost(`jetway proxy: ${idle.streams} idle streams, MiB in memory`, idle.after, 64),
  ];
  return { title, rows, goals, samples: { streams, calls, cancels, idle } };
}

export const atLeast = (what, value, goal) => ({ what, value, goal, relation: "at least", met: value >= goal });
export const atMost = (what, value, goal) => ({ what, value, goal, relation: "at most", met: value <= goal });

/** A section as aligned text. */
export function render({ title, rows }) {
  const columns = Object.keys(rows[0]).filter((column) => rows.some((row) => row[column] !== undefined));
  const cells = rows.map((row) => columns.map((column) => shown(row[column])));
  const widths = columns.map((column, index) => Math.max(column.length, ...cells.map((line) => line[index].length)));
  const line = (words) => words.map((word, index) => (index ? word.padStart(widths[index]) : word.padEnd(widths[0]))).join("  ");
  return [title, `  ${line(columns)}`, ...cells.map((words) => `  ${line(words)}`)].join("\n");
}

export function renderGoals(goals) {
  const line = ({ what, value, goal, relation, met }) => `  ${met ? "met   " : "MISSED"}  ${what}: ${shown(value)} (${relation} ${goal})`;
  return goals.map(line).join("\n");
}

function shown(value) {
  if (typeof value !== "number") return String(value ?? "");
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(2);
}
