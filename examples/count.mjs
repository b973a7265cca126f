// Writes a program into a sandbox, runs it and shows its output while it comes. Needs a running `jetway serve`.
import { Sandbox } from "jetway";

const sandbox = Sandbox.run({ image: "host" });       // at once; it starts in the background

await sandbox.writeFile("/tmp/count.py", "for n in range(3): print('line', n)\n");
const running = sandbox.exec(["python3", "-u", "/tmp/count.py"]);
for await (const line of running) console.log(line);  // live, line by line

const { exitCode } = await running;                   // a Process is a promise of its result
console.log("exit code", exitCode);
await sandbox.delete();
