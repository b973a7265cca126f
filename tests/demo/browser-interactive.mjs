// (c) The packed package in Chromium: a process asks three times, is answered three times, and sees the end of its input.
import assert from "node:assert/strict";
import { withPackage } from "./chromium.mjs";

const { JETWAY_DEMO_URL: baseUrl, JETWAY_DEMO_TOKEN: auth } = process.env;
const ANSWERS = ["Ada", "blue", "42"];

const PROGRAM = `
import sys
for number in range(1, 4):
    print(f"question {number}? ", end="", flush=True)
    print("answer:", sys.stdin.readline().strip(), flush=True)
print("input ended" if sys.stdin.read() == "" else "input goes on", flush=True)
sys.exit(7)
`;

await withPackage(async (page, sockets) => {
  const outcome = await page.evaluate(async ({ baseUrl, auth, program, answers }) => {
    const { Client, Sandbox } = globalThis.jetway;
    const sandbox = Sandbox.run({ image: "host", client: new Client({ baseUrl, auth }) });
    try {
      const running = sandbox.exec(["python3", "-c", program], { stdin: true });
      const input = running.stdin.getWriter();
      const decoder = new TextDecoder();
      let seen = "";
      let asked = 0;
      for await (const chunk of running.stdout) {
        seen += decoder.decode(chunk, { stream: true });
        // Answers only what was asked: an answer that is sent early would prove nothing.
        if (asked < answers.length && seen.includes(`question ${asked + 1}? `)) {
          await input.write(`${answers[asked]}\n`);
          asked += 1;
          if (asked === answers.length) await input.close();
        }
      }
      return { seen, exitCode: (await running).exitCode, transport: String(running.transport) };
    } finally {
      await sandbox.delete();
    }
  }, { baseUrl, auth, program: PROGRAM, answers: ANSWERS });

  const dialogue = ANSWERS.map((answer, index) => `question ${index + 1}? answer: ${answer}\n`).join("");
  assert.equal(outcome.seen, `${dialogue}input ended\n`);
  assert.equal(outcome.exitCode, 7);
  assert.ok(sockets.length > 0, `no WebSocket was opened; the process was connected by ${outcome.transport}`);
  console.log(outcome.seen.trimEnd());
  console.log(`exit code ${outcome.exitCode}, connected by ${outcome.transport}, ${sockets.length} WebSocket`);
});
