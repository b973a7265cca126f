// Deno: the wasm is part of the module graph, so it needs no permission to read files. Its fetch is full duplex.

import source module from "./core_bg.wasm";

import { environment } from "./environment.js";
import { setRuntime } from "./load.js";

setRuntime({
  wasm: () => module,
  rungs: ["fetch", "duplex", "websocket"],
  environment,
});

export * from "./sdk.js";
