// The languages of the editor: what a file is called, how it is run, what stands in it at first. Must not know the
// editor or the sandbox. The grammars are loaded when a language is first shown.
import type { LanguageSupport } from "@codemirror/language";

/** A language that a program can be written in. */
export interface Language {
  readonly id: string;
  readonly label: string;
  /** Where the program is written in the sandbox. */
  readonly path: string;
  /** The command that runs the file at `path`. */
  readonly command: readonly string[];
  /** True for images that are made for this language. */
  readonly servedBy: (image: string) => boolean;
  readonly sample: string;
  readonly grammar: () => Promise<LanguageSupport>;
}

const PYTHON_SAMPLE = `import sys
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

const JAVASCRIPT_SAMPLE = `import { setTimeout as sleep } from "node:timers/promises";

// Output arrives while the program runs.
for (let number = 1; number <= 10; number += 1) {
  console.log(\`line \${number} of 10\`);
  await sleep(100);
}

console.error("goodbye from stderr");
`;

export const PYTHON: Language = {
  id: "python",
  label: "main.py",
  path: "/workspace/main.py",
  // -u: without a terminal Python would hold its output back in blocks.
  command: ["python3", "-u", "/workspace/main.py"],
  servedBy: (image) => /^(.*\/)?python\b/.test(image),
  sample: PYTHON_SAMPLE,
  grammar: async () => (await import("@codemirror/lang-python")).python(),
};

export const JAVASCRIPT: Language = {
  id: "javascript",
  label: "main.mjs",
  path: "/workspace/main.mjs",
  command: ["node", "/workspace/main.mjs"],
  servedBy: (image) => /^(.*\/)?node\b/.test(image),
  sample: JAVASCRIPT_SAMPLE,
  grammar: async () => (await import("@codemirror/lang-javascript")).javascript(),
};

export const LANGUAGES: readonly Language[] = [PYTHON, JAVASCRIPT];
