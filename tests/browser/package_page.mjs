// A page that has nothing but the package: a document of the server's own origin, whose files are answered by the
// browser's driver. Every call and every socket reaches the real server. Must not know what is tested.
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { openPage } from "./browser.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** Opens it. The package is below `/__test/jetway/`, the tests' folder below `/__test/`. */
export async function openPackagePage(browser, url) {
  const { origin } = new URL(url);
  const opened = await openPage(browser);
  await opened.page.route(`${origin}/__test/**`, async (route) => {
    const path = new URL(route.request().url()).pathname.slice("/__test/".length);
    const folder = path.startsWith("jetway/") ? join(ROOT, "target/npm") : join(ROOT, "tests");
    return route.fulfill({ contentType: TYPES[extname(path)], body: await readFile(join(folder, path)) });
  });
  // A document of the real server: Chromium lets one that the driver made up open no local socket.
  await opened.page.goto(`${origin}/healthz`);
  return opened;
}
