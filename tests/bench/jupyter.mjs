// A plain Jupyter kernel beside runCode: the same `1+1`, driven by jupyter_client from PyPI in an environment of its own.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atLeast, median } from "./report.mjs";

/** Samples in milliseconds, or the reason why there are none. */
export function jupyter(folder, { warmUps, execs }) {
  const python = join(folder, "bin/python");
  const run = (program, ...args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 300_000 });
  try {
    if (!existsSync(join(folder, "bin/jupyter-kernelspec"))) {
      run("python3", "-m", "venv", folder);
      run(python, "-m", "pip", "install", "--quiet", "jupyter_client", "ipykernel");
    }
    return { samples: JSON.parse(run(python, fileURLToPath(new URL("jupyter.py", import.meta.url)), String(warmUps), String(execs))) };
  } catch (error) {
    return { reason: String(error.message).split("\n")[0] };
  }
}

/** Goals that compare: with the kernel, and a million lines by their rate. */
export function compared(host, { figures, rates }, kernel) {
  const goals = [atLeast(`${host}: a million lines of a cell, MB/s`, median(rates), 50)];
  if (kernel) goals.push(atLeast(`${host}: a Jupyter kernel's round trip / runCode's`, median(kernel) / median(figures['runCode("1+1"), warm']), 3));
  return goals;
}
