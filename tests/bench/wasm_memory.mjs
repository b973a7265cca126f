// Finds the core's linear memory without asking the package for it: imported before the package, it watches what is
// instantiated. Must not change what the package sees.

// Each memory with its size at birth.
const memories = new Map();

function remember(result) {
  const { exports } = result.instance ?? result;
  // The runtime's own modules (Node's HTTP parser is one) do not concern us.
  if (!Object.keys(exports ?? {}).some((name) => name.startsWith("__wb"))) return result;
  for (const value of Object.values(exports)) {
    if (value instanceof WebAssembly.Memory) memories.set(value, value.buffer.byteLength);
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

/** Bytes of linear memory of everything instantiated so far: when it was instantiated, and now. */
export function wasmMemory() {
  if (memories.size === 0) throw new Error("the package instantiated no core, or before this was imported");
  const sum = (sizes) => [...sizes].reduce((total, size) => total + size, 0);
  return { before: sum(memories.values()), after: sum([...memories.keys()].map(({ buffer }) => buffer.byteLength)) };
}
