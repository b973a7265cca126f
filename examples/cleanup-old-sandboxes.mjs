// Stops the sandboxes that have been running for too long: what a nightly job does.
//   node cleanup-old-sandboxes.mjs [seconds] [tag]
// Without arguments it makes two of its own and shows that only the older one goes.
import { setTimeout as sleep } from "node:timers/promises";
import { Sandbox } from "jetway";

/** Stops what is older. Pages come one by one, so it does not matter how many there are. */
async function stopOlderThan(seconds, tags) {
  const limit = Date.now() - seconds * 1000;
  let [seen, stopped] = [0, 0];
  for await (const page of Sandbox.list({ status: "running", tags, pageSize: 50 }).byPage()) {
    seen += page.length;
    const old = page.filter((sandbox) => sandbox.createdAt.getTime() < limit);
    await Promise.all(old.map((sandbox) => sandbox.stop({ missingOk: true })));
    stopped += old.length;
  }
  console.log(`${seen} running, ${stopped} older than ${seconds} s and stopped`);
}

const [seconds, tag] = process.argv.slice(2);
if (seconds !== undefined) {
  if (!(Number(seconds) > 0)) throw new Error(`the age must be a number of seconds, got ${seconds}`);
  await stopOlderThan(Number(seconds), tag === undefined ? undefined : [tag]);
} else {
  const tags = [`example-old-${process.pid}`];
  const make = () => Sandbox.create({ image: "host", tags, maxLifetimeSeconds: 120 });
  try {
    const older = await make();
    await sleep(3500);
    const younger = await make();
    await stopOlderThan(3, tags);
    console.log("the older one:", await older.getStatus());
    console.log("the younger one:", await younger.getStatus());
  } finally {
    const rest = await Sandbox.list({ tags });
    await Promise.allSettled(rest.map((sandbox) => sandbox.stop({ missingOk: true })));
  }
}
