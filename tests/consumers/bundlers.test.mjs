// Pages that Vite and webpack built from the packed package, opened in Chromium: the wasm is found, input goes over a
// socket, what is loaded later is found too, and what is not used is not loaded.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { startServer } from "../browser/server.mjs";
import { LIMIT_MS, createProject, installed, serveFolder } from "./project.mjs";

const CHROMIUM = process.env.JETWAY_CHROMIUM ?? "/usr/bin/chromium";
const MAIN = `import { Client, Sandbox } from "jetway";

globalThis.start = async (baseUrl, auth) => {
  const sandbox = Sandbox.run({ client: new Client({ baseUrl, auth }) });
  try {
    const { stdout } = await sandbox.exec(["echo", "hi"]);
    const echoed = await sandbox.exec(["cat"], { input: "there" });
    const before = performance.getEntriesByType("resource").length;
    const sum = await sandbox.function((x, y) => x + y)(2, 3);
    return { said: stdout.trim() + " " + echoed.stdout, sum, later: performance.getEntriesByType("resource").length - before };
  } finally {
    await sandbox.delete();
  }
};
document.body.textContent = "ready";
`;

let project;
let browser;
before(async () => {
  project = await createProject();
  await project.write("main.js", MAIN);
  await project.write("index.html", '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="./main.js"></script></body>');
  const { chromium } = await import("playwright-core");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] }).catch((error) => {
    if (process.env.JETWAY_CHROMIUM) throw error;
  });
});
after(async () => {
  await browser?.close();
  await project?.remove();
});

/** Opens what was built and lets it talk to a real server. */
async function open(folder, t) {
  if (!browser) return t.skip(`there is no Chromium at ${CHROMIUM}; JETWAY_CHROMIUM names one`);
  const site = await serveFolder(folder);
  const server = await startServer(["--allow-origin", site.origin]);
  const page = await browser.newPage();
  try {
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${site.origin}/`);
    await page.waitForFunction(() => document.body.textContent.trim() === "ready", undefined, { timeout: LIMIT_MS });
    const { url, token } = server.ready;
    const { later, ...told } = await page.evaluate(([url, token]) => globalThis.start(url, token), [url, token]);
    assert.deepEqual(told, { said: "hi there", sum: 5 });
    assert.ok(later > 0, "the machinery of remote functions came before it was used");
    assert.deepEqual(complaints, []);
  } finally {
    await page.close();
    await server.stop();
    await site.stop();
  }
}

test("Vite builds a page that runs", { timeout: 2 * LIMIT_MS }, async (t) => {
  const vite = await installed("vite");
  if (!vite) return t.skip("vite is not installed (cargo xtask setup)");
  await vite.build({ root: project.folder, logLevel: "error", configFile: false, build: { outDir: "vite" } });
  await open(join(project.folder, "vite"), t);
});

test("webpack builds a page that runs", { timeout: 2 * LIMIT_MS }, async (t) => {
  const webpack = (await installed("webpack"))?.default;
  if (!webpack) return t.skip("webpack is not installed (cargo xtask setup)");
  const path = join(project.folder, "webpack");
  const compiler = webpack({ mode: "production", context: project.folder, entry: "./main.js", output: { path, publicPath: "auto" }, devtool: false });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  assert.deepEqual(errors, []);
  // That a chunk is larger than its taste is all it may say.
  assert.deepEqual(warnings.filter(({ message }) => !/size limit|performance/.test(message)), []);
  await project.write("webpack/index.html", '<!doctype html><link rel="icon" href="data:,"><body><script src="./main.js"></script></body>');
  await open(path, t);
});
