// Runs clients in interleaved rounds, so that whatever else the machine does hits all of them. The same in Node and in
// a page; must not know what the clients are.

const PERIOD = 251;

/** Bytes as the source makes them; false at the first wrong one. */
function patternChecker() {
  let offset = 0;
  return (chunk) => {
    for (let index = 0; index < chunk.length; index++, offset++) {
      if (chunk[index] !== offset % PERIOD) throw new Error(`wrong byte at offset ${offset}`);
    }
  };
}

/** One short unmeasured run of each client, every byte checked where `checked` says so. */
export async function warmUp(clients, { bytes, chunk }) {
  for (const { name, read, counts } of clients) {
    const check = counts === "payload" ? patternChecker() : undefined;
    const got = await read("bench", ["source", String(bytes), String(chunk)], check);
    if (counts === "payload" ? got !== bytes : got < bytes) throw new Error(`${name}: ${got} of ${bytes} bytes`);
  }
}

/**
 * Measures each client `rounds` times; the order turns by one each round.
 * Answers `{ [name]: [{ seconds, ...extra }] }`, where `meter` adds figures of the host (processor time, memory).
 */
export async function measure(clients, { bytes, chunk, rounds, command, sandboxId = "bench", meter, settle }) {
  const samples = Object.fromEntries(clients.map(({ name }) => [name, []]));
  const argv = command ?? ["source", String(bytes), String(chunk)];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < clients.length; turn++) {
      const { name, read } = clients[(round + turn) % clients.length];
      await settle?.();
      const before = meter?.();
      const start = performance.now();
      const got = await read(sandboxId, argv);
      const seconds = (performance.now() - start) / 1000;
      if (got < bytes) throw new Error(`${name}: ${got} of ${bytes} bytes`);
      samples[name].push({ seconds, ...meter?.(before) });
    }
  }
  return samples;
}
