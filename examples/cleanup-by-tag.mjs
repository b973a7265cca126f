// Tags: mark what belongs together, find it again from anywhere, and clear it away whole.
import { Sandbox } from "jetway";

// One tag per run of a program, so that two runs at the same time do not clear away each other's.
const run = `example-run-${process.pid}`;

/** Stops every sandbox that has all of `tags`. Returns how many there were. */
async function cleanUp(tags) {
  const found = await Sandbox.list({ tags });
  // Somebody else may be faster: `missingOk`. One failure must not spare the others: `allSettled`.
  const ends = await Promise.allSettled(found.map((sandbox) => sandbox.stop({ missingOk: true })));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
  return found.length;
}

try {
  const tags = { train: [run, "train"], test: [run, "test"] };
  const make = (tags) => Sandbox.create({ image: "host", tags, maxLifetimeSeconds: 120 });
  await Promise.all([tags.train, tags.train, tags.test].map(make));

  // A filter with several tags wants all of them.
  console.log("of this run:", (await Sandbox.list({ tags: [run] })).length);
  console.log("for training:", (await Sandbox.list({ tags: tags.train })).length);
  console.log("stopped the training:", await cleanUp(tags.train));
  console.log("left of this run:", (await Sandbox.list({ tags: [run] })).length);
} finally {
  console.log("stopped the rest:", await cleanUp([run]));
}
// Ended ones are listed only for who asks.
console.log("running now:", (await Sandbox.list({ tags: [run] })).length);
console.log("ended:", (await Sandbox.list({ tags: [run], showTerminated: true })).length);
