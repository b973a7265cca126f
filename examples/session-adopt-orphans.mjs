// Sandboxes that an earlier program left behind: find them by tag, take them into a session, end them with it.
import { Sandbox, Session } from "jetway";

const tag = `example-orphans-${process.pid}`;

try {
  // What a program that crashed might have left: `detached` ones do not end with the program that made them.
  const left = ["alpha", "beta"].map((name) =>
    Sandbox.create({ image: "host", tags: [tag, name], detached: true, maxLifetimeSeconds: 120 }),
  );
  await Promise.all(left);
  console.log("left behind:", (await Sandbox.list({ tags: [tag] })).length);

  const session = new Session({ image: "host", tags: [tag] });
  try {
    // Only looking: `list` without `adopt` leaves them alone.
    for await (const found of session.list()) console.log("found one that is", found.status);
    console.log("tracked:", session.sandboxCount);

    // Adopted ones count as the session's own, next to those that it makes.
    const adopted = await session.list({ adopt: true });
    session.sandbox();
    console.log("tracked after adopting, with a new one:", session.sandboxCount);

    // They can be worked with before they end: save what is worth it.
    const names = await Promise.all(adopted.map(async (sandbox) => (await sandbox.exec(["uname", "-s"])).stdout.trim()));
    console.log("both answer:", names.join(" "));
  } finally {
    await session.close();
  }
  console.log("still running:", (await Sandbox.list({ tags: [tag] })).length);
} finally {
  // Only where something above failed is there anything to do.
  for await (const sandbox of Sandbox.list({ tags: [tag] })) await sandbox.stop({ missingOk: true });
}
