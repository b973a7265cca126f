// (a) The packed package in Node: Python prints ten lines, and they arrive while it runs.
import assert from "node:assert/strict";
import { Client, Sandbox } from "jetway";
import { assertLive } from "./arrivals.mjs";

const PROGRAM = `
import time
for number in range(1, 11):
    print("line", number, flush=True)
    time.sleep(0.1)
`;

const { JETWAY_DEMO_URL: baseUrl, JETWAY_DEMO_TOKEN: auth } = process.env;
const client = new Client({ baseUrl, auth });
const sandbox = Sandbox.run({ image: "host", client });
try {
  const running = sandbox.exec(["python3", "-c", PROGRAM]);
  const times = [];
  for await (const line of running) {
    times.push(performance.now());
    console.log(line);
  }
  const { exitCode } = await running;
  assert.equal(exitCode, 0);
  console.log(assertLive(times));
} finally {
  await sandbox.delete();
}
