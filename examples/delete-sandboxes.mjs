// The ways to end a sandbox: stop and wait, delete and go on, by id, and what happens where there is none.
import { Sandbox, SandboxNotFoundError } from "jetway";

// `run` returns at once: whatever goes wrong after this line, `finally` knows all three.
const sandboxes = [1, 2, 3].map(() => Sandbox.run({ image: "host", maxLifetimeSeconds: 120 }));
const [first, second, third] = sandboxes;

try {
  await Promise.all(sandboxes.map((sandbox) => sandbox.wait()));

  // `stop` lets processes end by themselves (10 s unless told otherwise) and resolves when the sandbox has ended.
  await first.stop({ gracefulShutdownSeconds: 1 });
  console.log("stopped:", first.status);
  await first.stop();
  console.log("stopping it again is fine");

  // `delete` resolves as soon as the server has taken note.
  await second.delete();
  console.log("deleted:", await second.getStatus()); // terminating, or terminated already

  // By id, without a Sandbox object.
  await Sandbox.delete(third.sandboxId);
  console.log("deleted by its id");

  // One that never was is an error, except where that is said to be fine.
  const error = await Sandbox.delete("no-such-sandbox").catch((error) => error);
  console.log("no such sandbox:", error instanceof SandboxNotFoundError && error.code);
  await Sandbox.delete("no-such-sandbox", { missingOk: true });
  console.log("missingOk: no error");
} finally {
  await Promise.allSettled(sandboxes.map((sandbox) => sandbox.delete({ missingOk: true })));
}
