// (b) The served page in Chromium, used as a person would: open the link, press Run, watch ten lines arrive.
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertLive, LINES } from "./arrivals.mjs";
import { withPage } from "./chromium.mjs";

const { JETWAY_DEMO_LAUNCH_URL, JETWAY_DEMO_PICTURES } = process.env;

await withPage(async (page) => {
  await page.goto(JETWAY_DEMO_LAUNCH_URL);
  await page.waitForSelector("[data-testid=status][data-sandbox=running]");
  await page.waitForSelector("[data-testid=editor] .cm-content");
  const run = page.getByTestId("run");
  await page.evaluate((lines) => {
    const output = document.querySelector("[data-testid=output]");
    globalThis.arrivals = [];
    const look = () => {
      const seen = output.textContent.match(/line \d+ of 10/g)?.length ?? 0;
      while (globalThis.arrivals.length < Math.min(seen, lines)) globalThis.arrivals.push(performance.now());
    };
    new MutationObserver(look).observe(output, { childList: true, subtree: true, characterData: true });
  }, LINES);
  await run.click();
  await page.getByTestId("exit-code").waitFor();
  assert.equal(await page.getByTestId("exit-code").innerText(), "0");
  const told = assertLive(await page.evaluate(() => globalThis.arrivals));
  await page.waitForSelector("[data-testid=terminal-state][data-phase=open]");
  const picture = join(JETWAY_DEMO_PICTURES, "page.png");
  await page.screenshot({ path: picture });
  console.log(told);
  console.log(`screenshot: ${picture}`);
});
