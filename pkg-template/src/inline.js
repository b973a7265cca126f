// Where nothing can be loaded beside the script: the wasm is in the JavaScript, a third larger. Shares sdk.js, so its
// classes are the same as the other entries'.

import text from "./core_inline.js";
import { watchPage } from "./end_page.js";
import { setRuntime } from "./load.js";

setRuntime({
  wasm: () => WebAssembly.compile(Uint8Array.from(atob(text), (character) => character.charCodeAt(0))),
  rungs: ["fetch", "websocket", "duplex"],
  browser: true,
  watchEnd: watchPage,
});

export * from "./sdk.js";
