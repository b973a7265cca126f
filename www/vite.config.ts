// How the page is built: static files with relative addresses, everything from our own origin, the npm package
// as it will be published (never the sources behind it).
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Leaves a smaller copy beside each file that gets smaller; the server sends it to browsers that can read it. */
const smallerCopies: Plugin = {
  name: "smaller-copies",
  apply: "build",
  async writeBundle({ dir = "dist" }) {
    const found = await readdir(dir, { recursive: true, withFileTypes: true });
    const files = found.filter((entry) => entry.isFile() && /\.(js|css|wasm|html|svg)$/.test(entry.name));
    await Promise.all(
      files.map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        const data = await readFile(path);
        const packed = await promisify(brotliCompress)(data);
        if (packed.length < data.length * 0.9) await writeFile(`${path}.br`, packed);
      }),
    );
  },
};

const packed = (path: string) => fileURLToPath(new URL(`../target/npm/jetway/${path}`, import.meta.url));

export default defineConfig({
  base: "./",
  plugins: [smallerCopies],
  resolve: {
    alias: [
      { find: /^jetway\/(cloud|elements)$/, replacement: packed("src/$1.js") },
      { find: /^jetway$/, replacement: packed("") },
    ],
  },
  build: {
    target: "es2022",
    // These know light-dark(), which is otherwise rewritten for the system's scheme alone: a person's choice would be lost.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    outDir: "dist",
    emptyOutDir: true,
    // A strict Content-Security-Policy allows neither inline scripts nor data: fonts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        index: fileURLToPath(new URL("index.html", import.meta.url)),
        elements: fileURLToPath(new URL("src/elements.ts", import.meta.url)),
      },
      output: {
        // Other people's pages name this one file, whatever is in it.
        entryFileNames: ({ name }) => (name === "elements" ? "elements.js" : "assets/[name]-[hash].js"),
      },
      // The module is there for what it does; what it exports is for scripts that import it.
      preserveEntrySignatures: "exports-only",
    },
  },
});
