// Finds the core's linear memory without asking the package for it: imported before the package, it watches what is
// instantiated. Must not change what the package sees.

const memories = new Set();

function remember(result) {
  const { exports } = result.instance ?? result;
  for (const value of Object.values(exports)) {
    if (value instanceof WebAssembly.Memory) memories.add(value);
  }
  return result;
}

for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  if (original) WebAssembly[name] = async (...args) => remember(await original.apply(WebAssembly, args));
}
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct: (target, args) => remember(Reflect.construct(target, args)),
});

/** Bytes of linear memory of everything instantiated so far. */
export function wasmBytes() {
  let sum = 0;
  for (const memory of memories) sum += memory.buffer.byteLength;
  return sum;
}
