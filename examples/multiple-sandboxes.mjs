// Several sandboxes at once: they start together, know nothing of each other, and end together.
import { Sandbox } from "jetway";

const names = ["red", "green", "blue"];
// `run` returns at once, so all three start at the same time.
const sandboxes = names.map((COLOUR) => Sandbox.run({ image: "host", env: { COLOUR } }));

try {
  await Promise.all(sandboxes.map((sandbox) => sandbox.wait()));
  console.log(new Set(sandboxes.map((sandbox) => sandbox.sandboxId)).size, "sandboxes are running");

  // The same command everywhere; results come in the order of the list.
  const results = await Promise.all(sandboxes.map((sandbox) => sandbox.exec(["sh", "-c", "echo I am $COLOUR"])));
  for (const { stdout } of results) console.log(stdout.trim());

  // What one writes, the others do not see.
  const [first, second] = sandboxes;
  await first.writeFile("/tmp/secret", "for red only");
  const looked = await second.exec(["cat", "/tmp/secret"]);
  console.log(`${names[1]} reads ${names[0]}'s file: ${looked.ok ? "yes" : "no such file"}`);

  // Output of one, input of another: the bytes go through this program, as a stream.
  const counted = first.exec(["cat", "/tmp/secret"]).pipe(second.exec(["wc", "-c"], { stdin: true }));
  console.log("bytes piped from one into the other:", (await counted).stdout.trim());
} finally {
  // `allSettled`: one that cannot be stopped must not keep the others alive.
  await Promise.allSettled(sandboxes.map((sandbox) => sandbox.stop({ missingOk: true })));
}
console.log("all are", [...new Set(sandboxes.map((sandbox) => sandbox.status))].join(" and "));
