// A project that installed the packed package and nothing else, and where the other runtimes are that npm installs. Must
// not know what is done with them.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HERE = join(ROOT, "tests/consumers/node_modules");
/** Longer than any build or run should take on a busy machine. */
export const LIMIT_MS = 120_000;

/** The folder of a new project; `remove()` it afterwards. */
export async function createProject() {
  const folder = await mkdtemp(join(tmpdir(), "jetway-consumer-"));
  const { version } = JSON.parse(await readFile(join(ROOT, "target/npm/jetway/package.json"), "utf8"));
  const tarball = process.env.JETWAY_TARBALL ?? join(ROOT, `target/npm/jetway-${version}.tgz`);
  const write = (name, text) => writeFile(join(folder, name), text);
  await write("package.json", JSON.stringify({ private: true, type: "module" }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], { cwd: folder });
  return {
    folder,
    write,
    /** What a program prints. */
    async output(program, args, options = {}) {
      const { stdout } = await run(program, args, { cwd: folder, timeout: LIMIT_MS, ...options });
      return stdout.trim();
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A package of tests/consumers, or undefined where it is not installed. */
export async function installed(name) {
  try {
    return await import(createRequire(join(HERE, "x.js")).resolve(name));
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** A program that a package of tests/consumers brings for this platform, or undefined. `*` in a path is any folder. */
export async function program(...paths) {
  for (const path of paths) {
    const [folder, rest] = path.split("/*/");
    const names = rest === undefined ? [""] : await readdir(join(HERE, folder)).catch(() => []);
    for (const name of names) {
      const file = join(HERE, folder, name, rest ?? "");
      // What npm left in its place may be a placeholder.
      if (await run(file, ["--version"]).catch(() => undefined)) return file;
    }
  }
  return undefined;
}

const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** A folder at an origin of its own, as any web server shows it; `stop()` ends it. */
export async function serveFolder(folder) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const body = await readFile(join(folder, path)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { "content-type": TYPES[extname(path)] ?? "text/plain" }).end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const stop = () => (server.closeAllConnections(), new Promise((done) => server.close(done)));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop };
}
