// Deno: the wasm is part of the module graph, so it needs no permission to read files. Its fetch is full duplex.

import source module from "./core_bg.wasm";

import { watchProcess } from "./end_process.js";
import { environment } from "./environment.js";
import { setRuntime } from "./load.js";

setRuntime({
  wasm: () => module,
  rungs: ["fetch", "duplex", "websocket"],
  environment,
  directory: () => import("./disk.js"),
  // Starting a process would ask the user: what `Deno.exit()` leaves behind ends with its lifetime.
  watchEnd: (owned, signals) => watchProcess(owned, { signals: environment.handlesSignals(signals) }),
});

export * from "./sdk.js";
