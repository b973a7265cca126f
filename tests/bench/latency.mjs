// How long small things take against a real server, in Node: a later exec, and from create to the first output.
// A process of its own; config in by argument, figures out by standard output.
import * as clients from "./clients.mjs";

const config = JSON.parse(process.argv[2]);
const { baseUrl, token } = config;
const { Client, Sandbox } = await import(config.entry);
const client = new Client({ baseUrl, auth: token });
const image = "host";

async function timed(times, action) {
  const samples = [];
  for (let round = 0; round < times; round++) {
    const start = performance.now();
    const clean = await action();
    samples.push(performance.now() - start);
    await clean?.();
  }
  return samples;
}

const sandbox = await Sandbox.create({ image, client });
const figures = {};

const succeed = ({ exitCode }) => {
  if (exitCode !== 0) throw new Error(`true ended with ${exitCode}`);
};
const execTrue = () => sandbox.exec(["true"]).then(succeed);
const wire = await clients.loadService(config.sourceUrl);
const connect = clients.connectWeb({ baseUrl, token, ...wire });
const connectTrue = () => connect(sandbox.sandboxId, ["true"]).then(() => undefined);
await timed(config.warmUps, execTrue);
await timed(config.warmUps, connectTrue);
figures["exec true, jetway"] = await timed(config.execs, execTrue);
figures["exec true, connect-web"] = await timed(config.execs, connectTrue);

const createAndEcho = async () => {
  const created = Sandbox.run({ image, client });
  const process = created.exec(["echo", "hi"]);
  const { value } = await process.stdout.getReader().read();
  if (new TextDecoder().decode(value) !== "hi\n") throw new Error("echo said something else");
  return async () => {
    await process;
    await created.delete();
  };
};
await timed(2, createAndEcho);
figures["create to first output"] = await timed(config.creates, createAndEcho);

await sandbox.delete();
console.log(JSON.stringify({ figures }));
process.exit(0);
