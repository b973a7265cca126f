// A sandbox outlives the program that made it: its id is all that another one needs.
import { Sandbox } from "jetway";

/** Stands for a first program, which ends without stopping what it started. */
async function firstProgram() {
  // `detached`: it does not end with its program. Nobody is certain to come back, so it gets a latest end of its own.
  const sandbox = await Sandbox.create({ image: "host", detached: true, maxLifetimeSeconds: 300 });
  await sandbox.writeFile("/tmp/progress", "half way");
  return sandbox.sandboxId;
}

/** Stands for a second one, started later, perhaps elsewhere. */
async function secondProgram(id) {
  const sandbox = await Sandbox.fromId(id);
  console.log("found it:", sandbox.status);
  console.log("it still knows:", await sandbox.readFile("/tmp/progress", { encoding: "utf8" }));
  const { stdout } = await sandbox.exec(["echo", "and it still works"]);
  console.log(stdout.trim());
  await sandbox.stop();
}

const id = await firstProgram();
try {
  await secondProgram(id);
  // One that has ended can be looked at, but not used.
  const ended = await Sandbox.fromId(id);
  console.log("afterwards it is", ended.status);
} finally {
  await Sandbox.delete(id, { missingOk: true });
}
