// Waits until a number stands still: what lies between a writer and a reader that stopped fills up first.

/** The number that `read` gives several times in a row, and not 0. */
export async function standstill(read) {
  let before = 0;
  for (let same = 0; same < 4; ) {
    await new Promise((done) => setTimeout(done, 150));
    const now = await read().catch(() => 0);
    same = now > 0 && now === before ? same + 1 : 0;
    before = now;
  }
  return before;
}
