// What a program can lose and code contexts do not: its connection in the middle of a call.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, Sandbox } from "../../target/npm/jetway/src/node.js";
import { startServer } from "../browser/server.mjs";
import { openWay } from "../browser/way.mjs";

for (const transport of [undefined, "websocket"]) {
  test(`a call whose ${transport ?? "usual"} connection is cut twice goes on where it was`, { timeout: 120_000 }, async () => {
    const server = await startServer();
    const way = await openWay(server.ready.url);
    try {
      const sandbox = await Sandbox.create({ client: new Client({ baseUrl: way.url, auth: server.ready.token, transport }) });
      await sandbox.runCode("x = 42");
      const cuts = [20, 80];
      let told = "";
      const onStdout = (text) => {
        told += text;
        if (cuts.length > 0 && told.split("\n").length > cuts[0]) {
          cuts.shift();
          way.cut();
        }
      };
      const code = "import time\nfor i in range(150): print(i, flush=True); time.sleep(0.01)\n'end'";
      const { stdout, text } = await sandbox.runCode(code, { onStdout });
      const all = Array.from({ length: 150 }, (_, line) => `${line}\n`).join("");
      assert.deepEqual({ stdout, told, text }, { stdout: all, told: all, text: "'end'" });
      assert.equal((await sandbox.runCode("x")).text, "42");
      await sandbox.delete();
    } finally {
      await way.close();
      await server.stop();
    }
  });
}
