// Talking to a running process: a dialogue, a whole input at once, and one process that feeds another.
import { Sandbox } from "jetway";

await Sandbox.use({ image: "host" }, async (sandbox) => {
  // `stdin: true` keeps the input open; without it a command reads end of file at once.
  const script = 'while read -r name; do echo "hello $name"; done; echo "nobody left"';
  const greeter = sandbox.exec(["sh", "-c", script], { stdin: true });
  const answers = greeter.lines();
  for (const name of ["Ada", "Grace"]) {
    await greeter.writeLine(name);
    console.log((await answers.next()).value); // the answer comes before the next question goes out
  }
  await greeter.closeStdin(); // end of file
  console.log((await answers.next()).value);
  await greeter;

  // An input that is known whole is an option: text, bytes, a Blob, a stream, or anything that can be iterated.
  const sorted = await sandbox.exec(["sort", "-n"], { input: "10\n9\n100\n" });
  console.log("sorted:", sorted.stdout.trim().split("\n").join(" "));

  async function* numbers() {
    for (let n = 1; n <= 1000; n++) yield `${n}\n`;
  }
  const sum = await sandbox.exec(["awk", "{ sum += $1 } END { print sum }"], { input: numbers() });
  console.log("sum of a thousand numbers:", sum.stdout.trim());

  // `stdin` is the platform's WritableStream, so whatever pipes can be piped into it; `pipe` is short for that.
  const shouted = sandbox.exec(["echo", "quiet words"]).pipe(sandbox.exec(["tr", "a-z", "A-Z"], { stdin: true }));
  console.log((await shouted).stdout.trim());
});
