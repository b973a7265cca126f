// What a page can lose and code contexts do not: the page itself, and its connection in the middle of a call.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startBrowser } from "./browser.mjs";
import { openPackagePage } from "./package_page.mjs";
import { startServer } from "./server.mjs";
import { openWay } from "./way.mjs";

let server;
let browser;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("x = 42 survives a reload of the page, and so does what ran meanwhile", { timeout: 120_000 }, async () => {
  const { token, url } = server.ready;
  const { page, context } = await openPackagePage(browser, url);
  const known = await page.evaluate(async (token) => {
    const { Client, Sandbox } = await import("/__test/jetway/src/index.js");
    // One that is not detached goes with the page that made it.
    const sandbox = await Sandbox.create({ client: new Client({ auth: token }), detached: true });
    await sandbox.runCode("x = 42");
    const own = await sandbox.code.createContext({ language: "javascript" });
    await own.run("let y = 43");
    // The page goes while this runs: it is nobody's then, and runs to its end.
    await new Promise((begun) => {
      void sandbox.runCode("print('begun'); import time; time.sleep(0.5); z = 44", { onStdout: begun });
    });
    return { sandboxId: sandbox.sandboxId, contextId: own.id };
  }, token);
  await page.reload();
  const kept = await page.evaluate(async ({ token, sandboxId, contextId }) => {
    const { Client, Sandbox } = await import("/__test/jetway/src/index.js");
    const sandbox = await Sandbox.fromId(sandboxId, { client: new Client({ auth: token }) });
    const { text, restarted, executionCount } = await sandbox.runCode("(x, z)");
    const own = await sandbox.runCode("y", { context: contextId });
    await sandbox.delete();
    return { text, restarted, executionCount, own: own.text };
  }, { token, ...known });
  assert.deepEqual(kept, { text: "(42, 44)", restarted: false, executionCount: 3, own: "43" });
  await context.close();
});

test("a call whose connection is cut twice goes on where it was", { timeout: 120_000 }, async () => {
  const way = await openWay(server.ready.url);
  const { page, context } = await openPackagePage(browser, way.url);
  try {
    await page.exposeFunction("cutTheWay", way.cut);
    const { stdout, told, text, after } = await page.evaluate(async (token) => {
      const { Client, Sandbox } = await import("/__test/jetway/src/index.js");
      const sandbox = await Sandbox.create({ client: new Client({ auth: token }) });
      await sandbox.runCode("x = 42");
      let told = "";
      const cuts = [20, 80];
      const onStdout = async (text) => {
        told += text;
        if (cuts.length > 0 && told.split("\n").length > cuts[0]) {
          cuts.shift();
          await window.cutTheWay();
        }
      };
      const code = "import time\nfor i in range(150): print(i, flush=True); time.sleep(0.01)\n'end'";
      const { stdout, text } = await sandbox.runCode(code, { onStdout });
      const after = (await sandbox.runCode("x")).text;
      await sandbox.delete();
      return { stdout, told, text, after };
    }, server.ready.token);
    const all = Array.from({ length: 150 }, (_, line) => `${line}\n`).join("");
    assert.deepEqual({ stdout, told, text, after }, { stdout: all, told: all, text: "'end'", after: "42" });
  } finally {
    await context.close();
    await way.close();
  }
});
