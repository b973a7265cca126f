// A Chromium page of the server's own origin that has imported the packed package. The package's files are answered from
// node_modules by the browser's driver; everything else, the document, every call and every socket, is the real server's.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, resolve, sep } from "node:path";

const { JETWAY_DEMO_URL, JETWAY_DEMO_TOOLS, JETWAY_CHROMIUM } = process.env;
const { chromium } = createRequire(JETWAY_DEMO_TOOLS)("playwright-core");

const PACKAGE = resolve("node_modules/jetway");
const PREFIX = "/__demo/";
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };

/** Starts the browser, hands a page to `work`, and ends the browser whatever happens. */
export async function withPage(work) {
  // Chromium's own sandbox refuses to run as root, and in most containers.
  const browser = await chromium.launch({ executablePath: JETWAY_CHROMIUM, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const troubles = [];
    page.on("pageerror", (error) => troubles.push(`${error}`));
    page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
    try {
      await work(page);
    } catch (error) {
      throw troubles.length ? new Error(`${error.message}\nthe page said:\n  ${troubles.join("\n  ")}`, { cause: error }) : error;
    }
    assert.deepEqual(troubles, [], "the page's console has errors");
  } finally {
    await browser.close();
  }
}

/** As `withPage`, on a page where `window.jetway` is the package; `sockets` collects what WebSockets it opened. */
export function withPackage(work) {
  return withPage(async (page) => {
    const sockets = [];
    page.on("websocket", (socket) => sockets.push(socket));
    await page.route(`${new URL(JETWAY_DEMO_URL).origin}${PREFIX}**`, answer);
    // A document that the driver made up would not count as local, and Chromium would block its sockets to loopback.
    await page.goto(new URL("/healthz", JETWAY_DEMO_URL).href);
    await page.evaluate(async (entry) => {
      globalThis.jetway = await import(entry);
    }, PREFIX + (await browserEntry()));
    await work(page, sockets);
  });
}

async function answer(route) {
  const path = decodeURIComponent(new URL(route.request().url()).pathname).slice(PREFIX.length);
  const file = resolve(PACKAGE, path);
  if (!file.startsWith(PACKAGE + sep)) return route.abort();
  return route.fulfill({ contentType: TYPES[extname(file)] ?? "application/octet-stream", body: await readFile(file) });
}

/** What `exports` gives to browsers. */
async function browserEntry() {
  const manifest = JSON.parse(await readFile(resolve(PACKAGE, "package.json"), "utf8"));
  const conditions = manifest.exports["."];
  const entry = conditions.browser ?? conditions.default;
  return (typeof entry === "string" ? entry : entry.default).replace(/^\.\//, "");
}
