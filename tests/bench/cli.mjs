// The command as a program: how large it is, and how soon it starts. Must not know what its commands do.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";

/** Samples of whole runs in milliseconds: the command's beside those of a program that does nothing at all. */
export function starts(binary, rounds) {
  const figures = { "jetway --version": [], "/bin/true": [] };
  const run = (program, args) => {
    const begun = performance.now();
    const { status, error } = spawnSync(program, args, { stdio: "ignore" });
    if (status !== 0) throw error ?? new Error(`${program} ended with ${status}`);
    return performance.now() - begun;
  };
  // Interleaved: a machine that slows down slows both.
  for (let round = -3; round < rounds; round++) {
    const [ours, nothing] = [run(binary, ["--version"]), run("/bin/true", [])];
    if (round < 0) continue;
    figures["jetway --version"].push(ours);
    figures["/bin/true"].push(nothing);
  }
  return { figures };
}

export const megabytes = (binary) => statSync(binary).size / 1e6;
