// Output while it is printed: line by line, both streams together, and as raw bytes.
import { Sandbox } from "jetway";

await Sandbox.use({ image: "host" }, async (sandbox) => {
  // Iterating a process gives its stdout, line by line, as it comes.
  const started = performance.now();
  const counting = sandbox.exec(["sh", "-c", "for n in 1 2 3; do echo step $n; sleep 0.2; done"]);
  let first;
  for await (const line of counting) {
    first ??= performance.now() - started;
    console.log(line);
  }
  const { exitCode } = await counting; // the same object is a promise of the result
  const whole = performance.now() - started;
  console.log(`exit code ${exitCode}; the first line came ${whole - first > 300 ? "well before" : "with"} the end`);

  // Both outputs in the order they were printed.
  const mixed = sandbox.exec(["sh", "-c", "echo to stdout; sleep 0.1; echo to stderr >&2; sleep 0.1; echo and back"]);
  for await (const line of mixed.lines("all")) console.log("all:", line);

  // `stdout` is the platform's own ReadableStream. Reading slowly slows the command down, so memory stays flat.
  let bytes = 0;
  for await (const chunk of sandbox.exec(["head", "-c", "3000000", "/dev/zero"]).stdout) bytes += chunk.byteLength;
  console.log(bytes, "bytes went by, none of them kept");

  // What nobody has to read to the end may be ended: leave the loop, then kill the process.
  const endless = sandbox.exec(["yes"]);
  let seen = 0;
  for await (const _ of endless) if (++seen === 5) break;
  await endless.kill();
  console.log(`stopped \`yes\` after ${seen} lines`);
});
