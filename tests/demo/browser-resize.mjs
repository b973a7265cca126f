// (d) The packed package in Chromium: a shell learns the new size of its window.
import assert from "node:assert/strict";
import { withPackage } from "./chromium.mjs";

const { JETWAY_DEMO_URL: baseUrl, JETWAY_DEMO_TOKEN: auth } = process.env;
const SMALL = { cols: 80, rows: 24 };
const LARGE = { cols: 132, rows: 43 };

await withPackage(async (page) => {
  const sizes = await page.evaluate(async ({ baseUrl, auth, small, large }) => {
    const { Client, Sandbox } = globalThis.jetway;
    const sandbox = Sandbox.run({ image: "host", client: new Client({ baseUrl, auth }) });
    try {
      const shell = sandbox.shell({ command: ["sh"], ...small });
      const input = shell.input.getWriter();
      const output = shell.output.getReader();
      const decoder = new TextDecoder();
      let seen = "";
      // What stty prints, after a prompt or at the start of a line; the echo of the command has no numbers.
      const size = async () => {
        seen = "";
        await input.write("stty size\n");
        for (;;) {
          const found = /(\d+ \d+)\r?\n/.exec(seen);
          if (found) return found[1];
          const { value, done } = await output.read();
          if (done) throw new Error(`the shell ended; it said: ${seen}`);
          seen += decoder.decode(value, { stream: true });
        }
      };
      const before = await size();
      await shell.resize(large.cols, large.rows);
      const after = await size();
      await input.write("exit 3\n");
      while (!(await output.read()).done);
      return { before, after, exitCode: await shell.exitCode };
    } finally {
      await sandbox.delete();
    }
  }, { baseUrl, auth, small: SMALL, large: LARGE });

  assert.equal(sizes.before, `${SMALL.rows} ${SMALL.cols}`);
  assert.equal(sizes.after, `${LARGE.rows} ${LARGE.cols}`);
  assert.equal(sizes.exitCode, 3);
  console.log(`stty size: ${sizes.before}, then ${sizes.after}; the shell exited with ${sizes.exitCode}`);
});
