// What the first view costs: when something useful is painted and when a program can be run, and what travels for it until
// the page marks the first view as there. What it loads afterwards, unasked (the terminal, grammars), is told beside it.
// `node tests/browser/figures.mjs` after `cargo xtask test` or `cargo xtask demo` has built everything; JETWAY_BIN names
// another server to measure. A figure, never a test: machines differ.
import { openPage, startBrowser } from "./browser.mjs";
import { openPlayground } from "./playground.mjs";
import { startServer } from "./server.mjs";

const ROUNDS = 5;

const server = await startServer();
const browser = await startBrowser();
try {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure());
  const middle = (pick) => rounds.map(pick).sort((one, other) => one - other)[Math.floor(ROUNDS / 2)];
  console.log(`first contentful paint   ${middle((round) => round.paint).toFixed(0)} ms  (goal 1000)`);
  console.log(`editor and Run usable    ${middle((round) => round.usable).toFixed(0)} ms`);
  console.log(`JS + wasm, first view    ${(middle((round) => round.bytes) / 1000).toFixed(0)} kB  (goal 450)`);
  console.log(`JS + wasm, afterwards    ${(middle((round) => round.later) / 1000).toFixed(0)} kB`);
  for (const { name, bytes } of rounds[0].first.sort((one, other) => other.bytes - one.bytes).slice(0, 8)) {
    console.log(`  ${(bytes / 1000).toFixed(1).padStart(8)} kB  ${name}`);
  }
} finally {
  await browser.close();
  await server.stop();
}

/** One visit with an empty cache. */
async function measure() {
  const { page, context } = await openPage(browser);
  const files = [];
  const pending = [];
  page.on("requestfinished", (request) => {
    const name = new URL(request.url()).pathname;
    if (!/\.(js|wasm)$/.test(name)) return;
    const { startTime } = request.timing();
    pending.push(request.sizes().then(({ responseBodySize: bytes }) => files.push({ name, bytes, startTime })));
  });
  await openPlayground(page, server);
  await page.waitForSelector("[data-testid=run]:enabled");
  const usable = await page.evaluate(() => performance.now());
  await page.waitForLoadState("networkidle");
  await Promise.all(pending);
  const marked = await page.evaluate(() => performance.timeOrigin + performance.getEntriesByName("first-view")[0].startTime);
  const sum = (some) => some.reduce((total, { bytes }) => total + bytes, 0);
  const first = files.filter(({ startTime }) => startTime <= marked);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  await context.close();
  return { paint, usable, first, bytes: sum(first), later: sum(files) - sum(first) };
}
