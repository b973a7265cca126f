// The streams in Node, in a process of their own so that nothing else shares their event loop: config in by argument,
// figures out by standard output. Started with --expose-gc.
import { wasmMemory } from "./wasm_memory.mjs";
import * as clients from "./clients.mjs";
import { measure, warmUp } from "./rounds.mjs";

const config = JSON.parse(process.argv[2]);
const { baseUrl, token, sourceUrl } = config;
const wire = await clients.loadService(sourceUrl);
const ours = await import(config.entry);

const compared = [
  { name: "raw fetch", counts: "body", read: clients.rawFetch({ baseUrl, token, ...wire }) },
  { name: "connect-web", counts: "payload", read: clients.connectWeb({ baseUrl, token, ...wire }) },
];
for (const transport of ["fetch", "http2"]) {
  const read = await clients.jetway({ package: ours, baseUrl, token, transport });
  compared.push({ name: `jetway ${transport}`, counts: "payload", read });
}

const meter = (before) => {
  const { user, system } = process.cpuUsage(before?.cpu);
  return before ? { cpuSeconds: (user + system) / 1e6 } : { cpu: process.cpuUsage() };
};
const settle = () => new Promise((resolve) => setTimeout(resolve, 20)).then(globalThis.gc);

let sandbox;
if (config.image) {
  const client = new ours.Client({ baseUrl, auth: token });
  sandbox = await ours.Sandbox.create({ image: config.image, client });
} else {
  await warmUp(compared, config.warm);
}
const samples = await measure(compared, { ...config, sandboxId: sandbox?.sandboxId, meter, settle });
await sandbox?.delete();
console.log(JSON.stringify({ samples, wasm: wasmMemory() }));
process.exit(0);
