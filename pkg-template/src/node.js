// Node and Bun: the wasm is read from disk; everything goes over HTTP/2 where the server speaks it.

import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";

import { watchProcess } from "./end_process.js";
import { environment } from "./environment.js";
import { createHttp2 } from "./http2.js";
import { setRuntime } from "./load.js";

let http2;

setRuntime({
  wasm: async () => WebAssembly.compile(await readFile(new URL("./core_bg.wasm", import.meta.url))),
  rungs: ["http2", "fetch", "duplex", "websocket"],
  http2: () => (http2 ??= createHttp2()),
  environment,
  directory: () => import("./disk.js"),
  watchEnd: (owned, signals) => watchProcess(owned, { signals: environment.handlesSignals(signals), spawnSync }),
});

export * from "./sdk.js";
