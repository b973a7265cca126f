// The streams in Node, in a process of their own so that nothing else shares their event loop: config in by argument,
// figures out by standard output.
import { compareStreams } from "./streams.mjs";

const meter = (before) => {
  const { user, system } = process.cpuUsage(before?.cpu);
  return before ? { cpuSeconds: (user + system) / 1e6 } : { cpu: process.cpuUsage() };
};
// Only a pause: a forced collection also throws compiled code away, and then every round measures the compiler.
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

const figures = await compareStreams(JSON.parse(process.argv[2]), { transports: ["fetch", "http2"], meter, settle });
console.log(JSON.stringify(figures));
process.exit(0);
