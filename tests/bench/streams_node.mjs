// The streams in Node, in a process of their own so that nothing else shares their event loop: config in by argument,
// figures out by standard output. Started with --expose-gc.
import { compareStreams } from "./streams.mjs";

const meter = (before) => {
  const { user, system } = process.cpuUsage(before?.cpu);
  return before ? { cpuSeconds: (user + system) / 1e6 } : { cpu: process.cpuUsage() };
};
const settle = () => new Promise((resolve) => setTimeout(resolve, 20)).then(globalThis.gc);

const figures = await compareStreams(JSON.parse(process.argv[2]), { transports: ["fetch", "http2"], meter, settle });
console.log(JSON.stringify(figures));
process.exit(0);
