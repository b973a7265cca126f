// A way to the server that can be cut, or lead nowhere: what a lost network is to a page. Must not know who talks.
import { connect, createServer } from "node:net";

/** Leads to `url` until `stop()`. `cut()` closes what is open and refuses the rest, `mend()` ends either. */
export async function openNetwork(url) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  let state = "open";
  const server = createServer((near) => {
    if (state === "cut") return near.destroy();
    const far = connect({ host: hostname, port: Number(port) });
    const pair = { near, far };
    open.add(pair);
    const end = () => {
      open.delete(pair);
      near.destroy();
      far.destroy();
    };
    // A way that leads nowhere takes what comes and says nothing, also not that it is over.
    near.on("data", (bytes) => state !== "nowhere" && far.write(bytes));
    far.on("data", (bytes) => state !== "nowhere" && near.write(bytes));
    for (const socket of [near, far]) {
      socket.on("error", () => {});
      socket.on("close", () => state === "nowhere" || end());
    }
    pair.end = end;
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const drop = () => [...open].forEach((pair) => pair.end());
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      state = "cut";
      drop();
    },
    lose() {
      state = "nowhere";
    },
    /** What was lost stays lost; what is opened from now on arrives. */
    mend() {
      state = "open";
    },
    stop() {
      drop();
      return new Promise((done) => server.close(done));
    },
  };
}
