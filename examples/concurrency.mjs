// Promises in practice: several processes at once, the first that answers, limits, and giving up.
import { CancelledError, Sandbox } from "jetway";

const sleeping = (seconds, word) => ["sh", "-c", `sleep ${seconds}; echo ${word}`];
const codeOf = (error) => error.code;

await Sandbox.use({ image: "host" }, async (sandbox) => {
  await sandbox.wait(); // only so that its start is not measured
  // `exec` starts at once; awaiting is only for the result. Three times 0.5 s side by side is not 1.5 s.
  const started = performance.now();
  const results = await Promise.all(["a", "b", "c"].map((word) => sandbox.exec(sleeping(0.5, word))));
  const together = performance.now() - started < 1400;
  console.log("all:", results.map((result) => result.stdout.trim()).join(" "), together ? "side by side" : "one by one");

  // The first one wins. The others go on unless somebody ends them.
  const racers = [sandbox.exec(sleeping(5, "tortoise")), sandbox.exec(sleeping(0.1, "hare"))];
  console.log("first:", (await Promise.race(racers)).stdout.trim());
  racers[0].cancel();
  console.log("the loser:", await racers[0].catch(codeOf));

  // A limit on the command ends the command.
  const late = sandbox.exec(["sleep", "30"], { timeoutMs: 300 });
  console.log("limit on the command:", await late.catch(codeOf));

  // A limit on the waiting ends the waiting only.
  const slow = sandbox.exec(sleeping(0.6, "done after all"));
  const early = await slow.result({ timeoutMs: 100 }).catch(codeOf);
  console.log("limit on the waiting:", early, "then", (await slow).stdout.trim());

  // One AbortSignal for many calls: what browsers and Node use everywhere.
  const controller = new AbortController();
  const { signal } = controller;
  const many = [1, 2, 3].map(() => sandbox.exec(["sleep", "30"], { signal }));
  setTimeout(() => controller.abort("changed my mind"), 200);
  const reasons = await Promise.all(many.map((one) => one.catch((error) => error)));
  const cancelled = reasons.filter((reason) => reason instanceof CancelledError);
  console.log(`aborted: ${cancelled.length} of ${many.length}, because "${cancelled[0].cause}"`);
});
