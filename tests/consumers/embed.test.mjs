// The Vite example of examples/, built from the packed package and opened in Chromium: the element, xterm.js and the wasm
// are found, and nothing of a terminal is loaded before there is one.
import assert from "node:assert/strict";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startServer } from "../browser/server.mjs";
import { elementShows, elementState } from "../browser/shells.mjs";
import { LIMIT_MS, createProject, installed, serveFolder } from "./project.mjs";

const CHROMIUM = process.env.JETWAY_CHROMIUM ?? "/usr/bin/chromium";
const EXAMPLE = fileURLToPath(new URL("../../examples/embed-vite/", import.meta.url));
const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

let project;
let browser;
before(async () => {
  project = await createProject();
  for (const name of ["index.html", "main.js", "style.css"]) await cp(join(EXAMPLE, name), join(project.folder, name));
  const { chromium } = await import("playwright-core");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] }).catch((error) => {
    if (process.env.JETWAY_CHROMIUM) throw error;
  });
});
after(async () => {
  await browser?.close();
  await project?.remove();
});

test("a page that Vite built has a terminal in a sandbox of its own", { timeout: 2 * LIMIT_MS }, async (t) => {
  const vite = await installed("vite");
  if (!vite) return t.skip("vite is not installed (cargo xtask setup)");
  if (!browser) return t.skip(`there is no Chromium at ${CHROMIUM}; JETWAY_CHROMIUM names one`);
  await vite.build({ root: project.folder, logLevel: "error", configFile: false, build: { outDir: "vite" } });
  const site = await serveFolder(join(project.folder, "vite"));
  const server = await startServer(["--allow-origin", site.origin]);
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
  page.setDefaultTimeout(LIMIT_MS);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const loaded = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  try {
    await page.goto(`${site.origin}/`);
    await page.waitForFunction(() => customElements.get("jetway-terminal"));
    assert.ok(!loaded.some((path) => /xterm|wasm/.test(path)), `loaded before it was used: ${loaded}`);
    await page.getByLabel("Server").fill(server.ready.url);
    await page.getByLabel("Token").fill(server.ready.token);
    await page.getByRole("button", { name: "Connect" }).click();
    await elementState(page, "open");
    await page.waitForFunction(() => document.activeElement?.localName === "jetway-terminal");
    await page.keyboard.type("echo sum=$((40 + 2))");
    await page.keyboard.press("Enter");
    await elementShows(page, /^sum=42$/);
    await mkdir(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, "embed-vite.png") });
    await page.keyboard.type("exit 3");
    await page.keyboard.press("Enter");
    await page.getByText("ended with exit code 3", { exact: true }).waitFor();
    assert.deepEqual(complaints, []);
  } finally {
    await page.close();
    await server.stop();
    await site.stop();
  }
});
