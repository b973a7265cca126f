// The page on small and large windows, light and dark, by keyboard and by name.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import { openPlayground, outcome, screenshot } from "./playground.mjs";
import { startServer } from "./server.mjs";

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const colorScheme of ["light", "dark"]) {
  test(`at 360 px nothing scrolls sideways and a program runs (${colorScheme})`, async () => {
    const { page, watch, context } = await openPage(browser, { viewport: { width: 360, height: 740 }, colorScheme });
    await openPlayground(page, server);
    await page.getByTestId("run").click();
    assert.equal((await outcome(page)).exitCode, "0");
    await page.waitForSelector("[data-testid=terminal-state][data-phase=open]");
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll("body *")]
        .filter((node) => node.checkVisibility() && node.closest(".cm-scroller, .xterm, .views, .tabs") === null)
        .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5)
        .map((node) => node.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(wide, [], "elements reach beyond the window");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    await screenshot(page, `playground-360-${colorScheme}`);
    watch.assertClean(server.ready.url);
    await context.close();
  });
}

test("every control has a name, and the keyboard reaches each of them", async () => {
  const { page, watch, context } = await openPage(browser);
  await openPlayground(page, server);
  await page.waitForSelector("[data-testid=terminal-state][data-phase=open]");
  await page.getByTestId("run").waitFor();
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, select, input, textarea, [tabindex='0'], [contenteditable=true]")]
      .filter((node) => node.checkVisibility())
      .filter((node) => !(node.ariaLabel || node.textContent.trim() || node.labels?.length))
      .map((node) => node.outerHTML.slice(0, 120)),
  );
  assert.deepEqual(nameless, []);
  const reached = new Set();
  await page.locator("body").focus();
  for (let step = 0; step < 45; step += 1) {
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement?.closest("[data-testid]")?.dataset.testid);
    reached.add(at);
    if (at === "terminal") break;
  }
  for (const wanted of ["new-sandbox", "sandbox-row", "stop-sandbox", "view-code", "tab-main.py", "run", "editor", "output", "terminal"]) {
    assert.ok(reached.has(wanted), `Tab never reached ${wanted}: ${[...reached]}`);
  }
  watch.assertClean(server.ready.url);
  await context.close();
});

test("the first view is small and comes from this server alone", async () => {
  const { page, watch, context } = await openPage(browser);
  let transferred = 0;
  page.on("response", async (response) => {
    if (!/\.(js|wasm)$/.test(new URL(response.url()).pathname)) return;
    assert.equal((await response.allHeaders())["content-encoding"], "br", response.url());
    transferred += (await response.request().sizes()).responseBodySize;
  });
  const response = await page.goto(server.ready.launchUrl);
  await page.waitForSelector("[data-testid=editor] .cm-content");
  await page.waitForLoadState("networkidle");
  assert.ok(transferred > 0 && transferred < 620_000, `${transferred} bytes of JavaScript and WebAssembly travelled`);
  const policy = (await response.allHeaders())["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /script-src[^;]*'unsafe-(inline|eval)'/);
  watch.assertClean(server.ready.url);
  await context.close();
});
