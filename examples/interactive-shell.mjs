// A shell in a sandbox, in your own terminal: keys go there, the screen comes back, sizes follow the window.
// Without a terminal it does what a script on its input says:  echo 'uname -s' | node interactive-shell.mjs
import { Sandbox } from "jetway";

const { stdin, stdout } = process;
const size = () => ({ cols: stdout.columns ?? 80, rows: stdout.rows ?? 24 });

await Sandbox.use({ image: "host" }, async (sandbox) => {
  await sandbox.wait();
  console.log(`connected to ${sandbox.sandboxId}; \`exit\` or Ctrl-D leaves`);
  const session = sandbox.shell({ ...size(), env: { PS1: "sandbox$ " }, command: ["sh"] });

  // Raw: Ctrl-C and the arrows are the shell's, not ours.
  stdin.setRawMode?.(true);
  const type = (keys) => session.write(keys).catch(() => {});
  stdin.on("data", type);
  stdin.on("end", () => type("\x04")); // a script that is over: Ctrl-D
  const resized = () => session.resize(size().cols, size().rows).catch(() => {});
  stdout.on("resize", resized);
  try {
    for await (const bytes of session.output) stdout.write(bytes);
    console.log(`\nthe shell ended with exit code ${await session.wait()}`);
  } finally {
    stdout.off("resize", resized);
    stdin.setRawMode?.(false);
    stdin.destroy(); // otherwise Node waits for more keys
    await session.close();
  }
});
