// The streams in a page: config from the address, figures posted back to where the page came from.
import { wasmMemory } from "./wasm_memory.mjs";
import * as clients from "./clients.mjs";
import { measure, warmUp } from "./rounds.mjs";

async function run() {
  const config = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const { baseUrl, token, sourceUrl } = config;
  const wire = await clients.loadService(sourceUrl);
  const ours = await import(config.entry);
  const compared = [
    { name: "raw fetch", counts: "body", read: clients.rawFetch({ baseUrl, token, ...wire }) },
    { name: "connect-web", counts: "payload", read: clients.connectWeb({ baseUrl, token, ...wire }) },
    { name: "jetway fetch", counts: "payload", read: await clients.jetway({ package: ours, baseUrl, token, transport: "fetch" }) },
  ];
  const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
  await warmUp(compared, config.warm);
  const samples = await measure(compared, { ...config, settle });
  return { samples, wasm: wasmMemory(), userAgent: navigator.userAgent };
}

const result = await run().catch((error) => ({ error: `${error}\n${error?.stack}` }));
await fetch("/result", { method: "POST", body: JSON.stringify(result) });
