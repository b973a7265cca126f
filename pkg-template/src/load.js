// Loads the core on first use, once. What the runtime can do comes from the entry file, so nothing here asks what
// runtime this is.

import init, * as core from "./core.js";
import { JetwayError } from "./errors.js";

let runtime;
let loading;

/**
 * What an entry file says about its runtime.
 * @param {{ wasm: () => unknown, rungs: string[], http2?: object, environment?: object, browser?: boolean,
 *           watchEnd?: (owned: object, signalHandlers?: boolean) => object }} description
 */
export function setRuntime(description) {
  runtime = description;
}

export const runtimeOf = () => runtime;

/** The core, compiled. A failure is not remembered: the next call tries again. */
export function load() {
  loading ??= start().catch((error) => {
    loading = undefined;
    throw new JetwayError("the WebAssembly core could not be loaded", {
      cause: error,
      hint: "A page needs 'wasm-unsafe-eval' in its Content-Security-Policy; a bundler must copy core_bg.wasm beside its output. \"jetway/inline\" needs neither file nor fetch.",
    });
  });
  return loading;
}

async function start() {
  await init({ module_or_path: await runtime.wasm() });
  core.start();
  return core;
}
