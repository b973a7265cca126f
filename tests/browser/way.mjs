// A way to a server that can be cut: what goes over it is passed on as it is. Must not know: HTTP.
import { connect, createServer } from "node:net";

/** Answers `{ url, cut, close }`; `cut()` breaks every connection that is open, and new ones go through. */
export async function openWay(serverUrl) {
  const { hostname, port, protocol } = new URL(serverUrl);
  const pairs = new Set();
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    pairs.clear();
  };
  const listener = createServer((near) => {
    const far = connect({ host: hostname, port });
    const pair = [near, far];
    pairs.add(pair);
    for (const [from, to] of [pair, pair.toReversed()]) {
      from.setNoDelay(true);
      from.pipe(to);
      from.on("error", () => {});
      from.on("close", () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => {
    listener.close(resolve);
    cut();
  });
  return { url: `${protocol}//127.0.0.1:${listener.address().port}`, cut, close };
}
