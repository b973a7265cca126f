// How a page feels while its terminal is busy: the longest task of the page's thread during `cat` of 100 MB, and how long
// Ctrl-C takes to end output without end. `node tests/bench/terminal.mjs` prints the figures; JETWAY_BIN names another
// server than the release build. Nothing here passes or fails.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const RELEASE = fileURLToPath(new URL("../../target/release/jetway", import.meta.url));
if (!process.env.JETWAY_BIN && existsSync(RELEASE)) process.env.JETWAY_BIN = RELEASE;
const { startBrowser } = await import("../browser/browser.mjs");
const { startServer } = await import("../browser/server.mjs");
const { elementFocus, elementShows, elementState, elementTypes } = await import("../browser/shells.mjs");
const { serveText } = await import("../browser/site.mjs");

const ROUNDS = 5;
const BYTES = 100_000_000;

let server;
const site = await serveText(
  () => `<!doctype html><title>bench</title><link rel="icon" href="data:,">
    <script type="module" src="${server.ready.url}/elements.js"></script>
    <jetway-terminal style="height: 600px" image="host" token="${server.ready.token}"></jetway-terminal>`,
);
server = await startServer(["--allow-origin", site.origin]);
const browser = await startBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  page.setDefaultTimeout(120_000);
  await page.goto(site.origin);
  await elementState(page, "open");
  await page.evaluate(() => {
    globalThis.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ entryTypes: ["longtask"] });
  });
  await elementTypes(page, `yes 'a line of some length, as programs print them' | head -c ${BYTES} > /tmp/big; echo made`);
  await elementShows(page, /^made$/);
  await page.evaluate(() => (tasks.length = 0));
  const start = performance.now();
  await elementTypes(page, "cat /tmp/big; echo whole");
  await elementShows(page, /^whole$/);
  const seconds = (performance.now() - start) / 1000;
  const longest = await page.evaluate(() => Math.max(0, ...tasks));
  console.log(`100 MB cat: ${seconds.toFixed(1)} s, ${(BYTES / 1e6 / seconds).toFixed(1)} MB/s; longest task ${longest.toFixed(0)} ms (tasks below 50 ms are not counted)`);

  const delays = [];
  for (let round = 0; round < ROUNDS; round++) {
    await elementTypes(page, "clear; yes flood");
    await elementShows(page, /^flood$/);
    await page.waitForTimeout(1000);
    await elementFocus(page);
    delays.push(
      await page.evaluate(async () => {
        const element = document.querySelector("jetway-terminal");
        const { buffer } = element.terminal;
        const began = performance.now();
        element.session.write("\x03");
        // The prompt below the flood is how a person sees that it is over.
        for (;;) {
          await new Promise((frame) => requestAnimationFrame(frame));
          const line = buffer.active.getLine(buffer.active.baseY + buffer.active.cursorY)?.translateToString(true) ?? "";
          if (/[#$] ?$/.test(line)) return performance.now() - began;
        }
      }),
    );
  }
  delays.sort((a, b) => a - b);
  console.log(`Ctrl-C to the prompt: median ${delays[ROUNDS >> 1].toFixed(0)} ms, worst ${delays.at(-1).toFixed(0)} ms of ${ROUNDS}`);
} finally {
  await browser.close();
  await site.stop();
  await server.stop();
}
