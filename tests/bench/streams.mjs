// One comparison of streams, the same in Node and in a page: makes the clients, warms them up, measures in rounds.
// The host adds which rungs it has, what it can meter, and how to let things settle between two measurements.
import { wasmMemory } from "./wasm_memory.mjs";
import * as clients from "./clients.mjs";
import { measure, warmUp } from "./rounds.mjs";

/** Figures of one host. With `command` it runs in a sandbox of a real server, else it is the source's own. */
export async function compareStreams(config, { transports, meter, settle }) {
  const { baseUrl, token, sourceUrl, command, image } = config;
  const wire = await clients.loadService(sourceUrl);
  const ours = await import(config.entry);
  const compared = [
    { name: "raw fetch", counts: "body", read: clients.rawFetch({ baseUrl, token, ...wire }) },
    { name: "connect-web", counts: "payload", read: clients.connectWeb({ baseUrl, token, ...wire }) },
  ];
  for (const transport of transports) {
    for (const byReader of [false, true]) {
      const read = await clients.jetway({ package: ours, baseUrl, token, transport, byReader });
      compared.push({ name: `jetway ${transport}${byReader ? ", getReader()" : ""}`, counts: "payload", read });
    }
  }
  let sandbox;
  if (command) {
    const client = new ours.Client({ baseUrl, auth: token });
    sandbox = await ours.Sandbox.create({ image, client });
  } else {
    await warmUp(compared, config.warm);
  }
  const samples = await measure(compared, { ...config, sandboxId: sandbox?.sandboxId, meter, settle });
  await sandbox?.delete();
  return { samples, wasm: wasmMemory() };
}
