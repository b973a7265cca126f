// What stands in the editor at the first visit. Must not know where it is run.

const PYTHON = `import sys
import time

# Output arrives while the program runs.
for number in range(1, 11):
    print(f"line {number} of 10")
    time.sleep(0.1)

print("goodbye from stderr", file=sys.stderr)

# A program may also ask: answer it in the input line below the output.
# name = input("Who are you? ")
# print("Hello,", name)
`;

const JAVASCRIPT = `import { setTimeout as sleep } from "node:timers/promises";

// Output arrives while the program runs.
for (let number = 1; number <= 10; number += 1) {
  console.log(\`line \${number} of 10\`);
  await sleep(100);
}

console.error("goodbye from stderr");
`;

/** The files of the first visit. */
export const SAMPLES: readonly { readonly name: string; readonly text: string }[] = [
  { name: "main.py", text: PYTHON },
  { name: "main.mjs", text: JAVASCRIPT },
];

/** The file for programs in the language that an image is made for. */
export function sampleFor(image: string): string | undefined {
  if (/^(.*\/)?python\b/.test(image)) return "main.py";
  if (/^(.*\/)?node\b/.test(image)) return "main.mjs";
  return undefined;
}
