// The built package and the behaviour suite as a web page without a build step, at an origin of its own. Must not know
// the browser or the server under test.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = resolve(process.env.JETWAY_PACKAGE ?? fileURLToPath(new URL("../../target/npm/jetway", import.meta.url)));
const SUITE = fileURLToPath(new URL("../js", import.meta.url));
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

const PAGE = `<!doctype html><meta charset="utf-8"><title>package</title><link rel="icon" href="data:,">
<script type="module" src="/start.js"></script>`;

/** The page at `origin`, until `stop()`. */
export function serveSite() {
  return listen(async (request, response) => {
    const found = await fileAt(new URL(request.url, "http://localhost").pathname);
    response.writeHead(found ? 200 : 404, { "content-type": found?.type ?? "text/plain" });
    response.end(found?.body);
  });
}

/** A page of somebody's own at its root: whatever `text()` gives. */
export function serveText(text) {
  return listen((_request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(text());
  });
}

/** A server that answers whatever is asked with HTML, to pages of any origin: what a wrong address often is. */
export function serveHtml() {
  return listen((_request, response) => {
    response.writeHead(200, {
      "content-type": "text/html",
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "*, authorization",
      "access-control-allow-methods": "*",
    });
    response.end("<!doctype html><p>hello");
  });
}

async function fileAt(path) {
  if (path === "/") return { type: "text/html", body: PAGE };
  if (path === "/start.js") return { type: "text/javascript", body: await start() };
  for (const [prefix, folder] of [["/package/", PACKAGE], ["/js/", SUITE]]) {
    if (!path.startsWith(prefix)) continue;
    const file = resolve(folder, decodeURIComponent(path.slice(prefix.length)));
    if (!file.startsWith(folder + sep)) return undefined;
    const body = await readFile(file).catch(() => undefined);
    return body && { type: TYPES[extname(file)] ?? "application/octet-stream", body };
  }
  return undefined;
}

/** Imports what `exports` gives to browsers, as an import map would. */
async function start() {
  const { exports } = JSON.parse(await readFile(resolve(PACKAGE, "package.json"), "utf8"));
  const { browser } = exports["."];
  const entry = (browser.default ?? browser).replace(/^\.\//, "");
  return `import * as jetway from "/package/${entry}";
import * as cloud from "/package/src/cloud.js";
import { suite } from "/js/suite.mjs";
const rejections = [];
addEventListener("unhandledrejection", (event) => rejections.push(String(event.reason)));
Object.assign(globalThis, { jetway, cloud, suite, rejections });`;
}

async function listen(answer) {
  const server = createServer(answer);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const stop = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, stop };
}
