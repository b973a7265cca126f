// How long code that remembers takes against a real server: a warm call, a sandbox from the pool, a large picture, a
// million lines. The same in Node and in a page; must not know which, nor what is done with the figures.

const PICTURE = "class Picture:\n    def _repr_png_(self): return bytes(range(256)) * 8192\nPicture()";
const LINES = "for i in range(10**6): print('%063d' % i)";
const LINE_BYTES = 64;

/** Samples in milliseconds by name, and the rates of a million lines in MB/s. */
export async function measureCode({ baseUrl, token, entry, warmUps, execs, creates, rounds }) {
  const { Client, Sandbox } = await import(entry);
  const { SandboxClient } = await import(new URL("cloud.js", new URL(entry, globalThis.location?.href)));
  const client = new Client({ baseUrl, auth: token });
  const sandbox = await Sandbox.create({ image: "host", client });
  const figures = {};
  const warm = () => onePlusOne(sandbox);
  await timed(warmUps, warm);
  figures['runCode("1+1"), warm'] = await timed(execs, warm);
  figures["acquire from the pool"] = await acquire(new SandboxClient({ client }), creates);
  figures["a picture of 2 MiB"] = await timed(rounds, () => picture(sandbox));
  const rates = [];
  for (let round = 0; round < rounds; round++) rates.push(await millionLines(sandbox));
  await sandbox.delete();
  return { figures, rates };
}

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

async function onePlusOne(sandbox) {
  const { text } = await sandbox.runCode("1+1");
  if (text !== "2") throw new Error(`1+1 is ${text}`);
}

/** Only what is taken while one waits: a pool that is empty makes a sandbox, which is another figure. */
async function acquire(pool, times) {
  const idle = async () => {
    while ((await pool.getSandboxStats()).idle < 1) await new Promise((done) => setTimeout(done, 20));
  };
  await idle();
  return timed(times, async () => {
    const { sandboxId } = await pool.acquireSandbox();
    return async () => {
      await pool.releaseSandbox(sandboxId);
      await idle();
    };
  });
}

async function picture(sandbox) {
  const { results } = await sandbox.runCode(PICTURE);
  if (results[0].png.length !== 2 << 20) throw new Error(`${results[0].png.length} bytes of the picture`);
}

async function millionLines(sandbox) {
  let [bytes, last, rest] = [0, -1, ""];
  const start = performance.now();
  await sandbox.runCode(LINES, { onStdout: (text) => {
    bytes += text.length;
    // The last whole line of what there is: enough to see that nothing is out of its order or missing before it.
    const tail = text.length > 2 * LINE_BYTES ? text.slice(-2 * LINE_BYTES) : rest + text;
    const end = tail.lastIndexOf("\n");
    rest = tail.slice(-2 * LINE_BYTES);
    if (end < LINE_BYTES - 1) return;
    const line = Number(tail.slice(end - LINE_BYTES + 1, end));
    if (!(line >= last) || line !== Math.floor(bytes / LINE_BYTES) - 1) throw new Error(`line ${line} after ${last}, in ${bytes} bytes`);
    last = line;
  } });
  const seconds = (performance.now() - start) / 1000;
  if (bytes !== LINE_BYTES * 1e6) throw new Error(`${bytes} bytes of a million lines`);
  return bytes / 1e6 / seconds;
}
