// How the page is built: static files with relative addresses, everything from our own origin, the npm package
// as it will be published (never the sources behind it).
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  resolve: {
    alias: { jetway: fileURLToPath(new URL("../target/npm/jetway", import.meta.url)) },
  },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    // A strict Content-Security-Policy allows neither inline scripts nor data: fonts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
