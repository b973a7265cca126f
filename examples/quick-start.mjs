// The shortest whole story: a sandbox, one command, its output, the end.
import { Sandbox } from "jetway";

// `use` stops the sandbox when the function ends, however it ends.
await Sandbox.use({ image: "host" }, async (sandbox) => {
  const result = await sandbox.exec(["echo", "Hello from a sandbox"]);
  console.log(result.stdout.trim());
  console.log("exit code", result.exitCode);
});
