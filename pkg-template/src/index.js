// Browsers and bundlers: the wasm lies beside this file; input goes over WebSockets.

import { watchPage } from "./end_page.js";
import { setRuntime } from "./load.js";

setRuntime({
  wasm: () => new URL("./core_bg.wasm", import.meta.url),
  rungs: ["fetch", "websocket", "duplex"],
  browser: true,
  watchEnd: watchPage,
});

export * from "./sdk.js";
