// Workers: the wasm is a module of the bundle, because code cannot be compiled there.

import module from "./core_bg.wasm";

import { setRuntime } from "./load.js";

setRuntime({
  wasm: () => module,
  rungs: ["fetch", "duplex", "websocket"],
});

export * from "./sdk.js";
