// What `jetway proxy` costs beside no proxy, in Node: bytes from memory and small calls both ways, turn about; how soon an
// upstream hears that a caller is gone; what a thousand calls that say nothing hold. A process of its own; config in by
// argument, figures out by standard output.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import http2 from "node:http2";
import { startProxy } from "../browser/proxy.mjs";
import * as clients from "./clients.mjs";
import { measure, warmUp } from "./rounds.mjs";

const config = JSON.parse(process.argv[2]);
const GET = "/coreweave.sandbox.v1.SandboxService/GetSandbox";
const BODY = Buffer.from([0, 0, 0, 0, 7, 10, 5, ...Buffer.from("bench")]);
const HEADERS = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

const through = await startProxy(config.sourceUrl, { binary: config.binary });
const figures = { streams: await throughput(), calls: await latency() };
await through.stop();
Object.assign(figures, await withSilentUpstream());
console.log(JSON.stringify(figures));
process.exit(0);

async function throughput() {
  const wire = await clients.loadService(config.sourceUrl);
  const compared = [
    { name: "direct", counts: "body", read: clients.rawFetch({ baseUrl: config.sourceUrl, ...wire }) },
    { name: "through the proxy", counts: "body", read: clients.rawFetch({ baseUrl: through.url, ...wire }) },
  ];
  await warmUp(compared, config.warm);
  return measure(compared, { ...config, settle });
}

/** Small calls over a connection that is open, one at a time, direct and through the proxy in turn. */
async function latency() {
  const agent = new http.Agent({ keepAlive: true });
  const call = (base) =>
    new Promise((resolve, reject) => {
      const request = http.request(`${base}${GET}`, { method: "POST", agent, headers: { ...HEADERS, "content-length": BODY.length } });
      request.on("response", (response) => response.resume().on("end", resolve));
      request.on("error", reject).end(BODY);
    });
  const ways = [["direct", config.sourceUrl], ["through the proxy", through.url]];
  const samples = Object.fromEntries(ways.map(([name]) => [name, []]));
  for (let round = -config.warmUps; round < config.calls; round++) {
    for (const [name, base] of round % 2 ? ways : [...ways].reverse()) {
      const start = performance.now();
      await call(base);
      if (round >= 0) samples[name].push(performance.now() - start);
    }
  }
  agent.destroy();
  return samples;
}

/** An upstream that answers with headers and then nothing, and tells when a call is over. */
async function withSilentUpstream() {
  let over;
  let open = 0;
  const upstream = http2.createServer({ settings: { maxConcurrentStreams: 1000 } });
  upstream.on("stream", (stream) => {
    open += 1;
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.on("error", () => {});
    stream.on("close", () => {
      open -= 1;
      over?.(performance.now());
    });
  });
  await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
  const proxy = await startProxy(`http://127.0.0.1:${upstream.address().port}`, { binary: config.binary });
  const cancels = [];
  for (let sample = -5; sample < config.cancels; sample++) {
    const { request } = await begin(proxy.url);
    const heard = new Promise((resolve) => (over = resolve));
    const start = performance.now();
    request.destroy();
    const took = (await heard) - start;
    if (sample >= 0) cancels.push(took);
  }
  over = undefined;

  const before = await resident(proxy.pid);
  const held = [];
  while (held.length < config.idle) held.push(...(await Promise.all(Array.from({ length: 50 }, () => begin(proxy.url)))));
  if (open !== config.idle) throw new Error(`${open} of ${config.idle} calls are open`);
  await settle();
  const [after, kept] = [await resident(proxy.pid), held.length];
  for (const { request } of held) request.destroy();
  while (open > 0) await settle();
  await proxy.stop();
  upstream.close();
  return { cancels, idle: { streams: kept, before, after } };
}

async function begin(base) {
  const options = { method: "POST", agent: false, headers: { ...HEADERS, "content-length": BODY.length } };
  const request = http.request(`${base}/any.Service/Stay`, options);
  request.end(BODY);
  const [response] = await once(request, "response");
  request.on("error", () => {});
  response.on("error", () => {}).resume();
  return { request };
}

/** MiB of a process in memory. */
async function resident(pid) {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8"));
  return Number(kib) / 1024;
}
