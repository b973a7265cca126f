// Everything that a command can be given, and everything that its result tells.
import { Sandbox } from "jetway";

await Sandbox.use({ image: "host", env: { GREETING: "hello" } }, async (sandbox) => {
  // A command is an array: no shell reads it, so nothing has to be quoted.
  const plain = await sandbox.exec(["printf", "%s\n", "spaces, $dollars and 'quotes' stay as they are"]);
  console.log(plain.stdout.trim());

  // Where a shell's own language is wanted, the shell is the command.
  const piped = await sandbox.exec(["sh", "-c", "printf 'b\\na\\nc\\n' | sort | tr '\\n' ' '"]);
  console.log("sorted:", piped.stdout.trim());

  // The sandbox's environment is there; `env` adds to it, `cwd` says where to begin.
  const told = await sandbox.exec(["sh", "-c", "echo $GREETING, $NAME, in $(pwd)"], { cwd: "/tmp", env: { NAME: "Ada" } });
  console.log(told.stdout.trim());

  // A failing command is a result, not an exception; `check: true` would throw instead (see error-handling.mjs).
  const failed = await sandbox.exec(["sh", "-c", "echo partly done; echo out of luck >&2; exit 3"]);
  console.log(`exit code ${failed.exitCode}, ok ${failed.ok}`);
  console.log("stdout:", failed.stdout.trim());
  console.log("stderr:", failed.stderr.trim());

  // Files go in and out without a command.
  await sandbox.writeFile("/tmp/notes/today.txt", "one line\nanother\n");
  const counted = await sandbox.exec(["wc", "-l", "/tmp/notes/today.txt"]);
  console.log("lines in the file:", counted.stdout.split(" ")[0]);
});
