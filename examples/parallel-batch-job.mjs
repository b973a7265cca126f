// A batch: many tasks, a few sandboxes, each of which takes the next task when it is done with one. Failures are
// counted and tried once more, in another sandbox; they do not end the batch.
import { Sandbox, SandboxError } from "jetway";

const WORKERS = 3;
const tasks = Array.from({ length: 12 }, (_, id) => ({ id, tries: 0 }));
const done = new Map();
const failed = [];
const sandboxes = [];

/** One task: its input as a file, a command over it, its output. Task 7 fails at its first try, to show what happens. */
async function perform(sandbox, task) {
  const file = `/tmp/task-${task.id}.txt`;
  await sandbox.writeFile(file, Array.from({ length: 100 }, (_, n) => `${n * task.id}\n`).join(""));
  const program = task.id === 7 && task.tries === 1 ? "BEGIN { exit 1 }" : "{ sum += $1 } END { print sum }";
  const { stdout } = await sandbox.exec(["awk", program, file], { check: true, timeoutMs: 10_000 });
  return Number(stdout);
}

/** Works until no task is left. Reading the queue needs no lock: nothing else runs between two awaits. */
async function worker(queue) {
  const sandbox = Sandbox.run({ image: "host", maxLifetimeSeconds: 300 });
  sandboxes.push(sandbox);
  for (let task = queue.shift(); task; task = queue.shift()) {
    task.tries++;
    try {
      done.set(task.id, await perform(sandbox, task));
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error; // a mistake of ours is no failure of the task
      console.log(`task ${task.id}, try ${task.tries}: ${error.code}`);
      if (task.tries < 2) queue.push(task);
      else failed.push(task.id);
    }
  }
}

try {
  const queue = [...tasks];
  await Promise.all(Array.from({ length: WORKERS }, () => worker(queue)));
  console.log(`${done.size} of ${tasks.length} tasks done by ${sandboxes.length} sandboxes, ${failed.length} failed`);
  const right = [...done].every(([id, sum]) => sum === 4950 * id);
  console.log("every sum is right:", right, "| together:", [...done.values()].reduce((a, b) => a + b, 0));
} finally {
  await Promise.allSettled(sandboxes.map((sandbox) => sandbox.stop({ missingOk: true })));
}
