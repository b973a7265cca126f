// The end of a process: by running out of work, by a signal, by `process.exit()` or an exception. Its sandboxes are
// deleted first, whichever it is; nothing is watched before there is one.

import process from "node:process";

/** A server that does not answer must not keep a process from ending. */
const LIMIT_MS = 10_000;
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

/**
 * What is left when no promise runs any more is done by a process of its own: gRPC-web first, which every server of
 * ours speaks, then gRPC.
 */
const LAST_WORDS = `
let text = "";
for await (const chunk of process.stdin) text += chunk;
const overFetch = async ({ url, headers, body }) => {
  const answer = await fetch(url, { method: "POST", headers, body });
  await answer.arrayBuffer();
  if (!answer.ok || !answer.headers.get("content-type")?.startsWith("application/grpc")) throw new Error("no gRPC-web");
};
const overHttp2 = async ({ url, headers, body }) => {
  const { connect } = await import("node:http2");
  const { origin, pathname } = new URL(url);
  const session = connect(origin);
  await new Promise((resolve, reject) => {
    session.on("error", reject);
    const call = { ...Object.fromEntries(headers), ":method": "POST", ":path": pathname, te: "trailers", "content-type": "application/grpc" };
    session.request(call).on("error", reject).on("close", resolve).resume().end(body);
  }).finally(() => session.destroy());
};
await Promise.allSettled(JSON.parse(text).map(({ body, ...call }) => {
  const whole = { ...call, body: Buffer.from(body, "base64") };
  return overFetch(whole).catch(() => overHttp2(whole));
}));
process.exit();
`;

/**
 * @param {{ count: () => number, deleteAll: () => Promise<void>, farewells: () => object[] }} owned
 * @param {{ signals: boolean, spawnSync?: Function }} how whether signals are ours to handle, and what runs a process
 */
export function watchProcess({ count, deleteAll, farewells }, { signals, spawnSync }) {
  let cleaning;
  const clean = () => {
    cleaning ??= withinLimit(deleteAll()).finally(() => (cleaning = undefined));
    return cleaning;
  };
  // Ends are asked for again after the work that this adds.
  process.on("beforeExit", () => void (count() > 0 && clean()));
  process.on("exit", () => {
    const left = count() > 0 ? farewells() : [];
    if (left.length > 0) say(left, spawnSync);
  });
  if (!signals) return {};
  for (const [signal, number] of Object.entries(SIGNALS)) {
    const onSignal = () => {
      if (cleaning) process.exit(128 + number);
      // Handlers of the program's own decide what the signal means to it.
      const theirs = process.listenerCount(signal) > 1;
      clean().finally(() => {
        if (theirs) return;
        process.off(signal, onSignal);
        process.kill(process.pid, signal);
      });
    };
    process.prependListener(signal, onSignal);
  }
  return {};
}

function say(farewells, spawnSync) {
  const calls = farewells.map(({ url, headers, body }) => ({ url, headers, body: Buffer.from(body).toString("base64") }));
  try {
    const options = { input: JSON.stringify(calls), stdio: ["pipe", "ignore", "ignore"], timeout: LIMIT_MS };
    spawnSync?.(process.execPath, ["--input-type=module", "-e", LAST_WORDS], options);
  } catch {
    // Where no process may be started, the sandboxes' lifetimes end them.
  }
}

function withinLimit(promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, LIMIT_MS)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
