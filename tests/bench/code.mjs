// How long code that remembers takes against a real server, in Node: a warm call, a sandbox from the pool, a million lines,
// a large picture. A process of its own; config in by argument, figures out by standard output.
const config = JSON.parse(process.argv[2]);
const { baseUrl, token } = config;
const { Client, Sandbox } = await import(config.entry);
const { SandboxClient } = await import(new URL("cloud.js", config.entry));
const client = new Client({ baseUrl, auth: token });

async function timed(times, action) {
  const samples = [];
  for (let round = 0; round < times; round++) {
    const start = performance.now();
    const after = await action();
    samples.push(performance.now() - start);
    await after?.();
  }
  return samples;
}

const figures = {};
const sandbox = await Sandbox.create({ image: "host", client });
const two = async () => {
  const { text } = await sandbox.runCode("1+1");
  if (text !== "2") throw new Error(`1+1 is ${text}`);
};
await timed(config.warmUps, two);
figures['runCode("1+1"), warm'] = await timed(config.execs, two);

const pool = new SandboxClient({ client });
const idle = async () => {
  while ((await pool.getSandboxStats()).idle < 1) await new Promise((done) => setTimeout(done, 20));
};
await idle();
figures["acquire from the pool"] = await timed(config.creates, async () => {
  const { sandboxId } = await pool.acquireSandbox();
  return async () => {
    await pool.releaseSandbox(sandboxId);
    await idle();
  };
});

const picture = "class Picture:\n    def _repr_png_(self): return bytes(range(256)) * 8192\nPicture()";
figures["a picture of 2 MiB"] = await timed(5, async () => {
  const { results } = await sandbox.runCode(picture);
  if (results[0].png.length !== 2 << 20) throw new Error(`${results[0].png.length} bytes of the picture`);
});

const rates = [];
for (let round = 0; round < 3; round++) {
  let [bytes, ordered, rest] = [0, 0, ""];
  const start = performance.now();
  await sandbox.runCode("for i in range(10**6): print('%063d' % i)", { onStdout: (text) => {
    bytes += text.length;
    // The first line of what comes now, beyond what was cut: enough to see that nothing is out of its order.
    rest = (rest + text).slice(-64 - 63);
    const line = Number.parseInt(rest.slice(rest.lastIndexOf("\n", rest.length - 2) + 1), 10);
    if (line < ordered) throw new Error(`line ${line} after line ${ordered}`);
    ordered = line;
  } });
  rates.push(bytes / 1e6 / ((performance.now() - start) / 1000));
  if (bytes !== 64_000_000) throw new Error(`${bytes} bytes of a million lines`);
}

await sandbox.delete();
console.log(JSON.stringify({ figures, rates }));
process.exit(0);
