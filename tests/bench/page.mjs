// What is measured in a page: config from the address, figures posted back to where the page came from.
import { measureCode } from "./code.mjs";
import { compareStreams } from "./streams.mjs";

const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

async function run() {
  const config = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const figures = config.part === "code" ? await measureCode(config) : await compareStreams(config, { transports: ["fetch"], settle });
  return { ...figures, userAgent: navigator.userAgent };
}

const result = await run().catch((error) => ({ error: `${error}\n${error?.stack}` }));
await fetch("/result", { method: "POST", body: JSON.stringify(result) });
