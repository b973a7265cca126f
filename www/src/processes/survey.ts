// Reads what runs in a sandbox from its /proc, because few images have `ps`. Must not know what is shown of it.

/** One process. */
export interface ProcessInfo {
  readonly pid: number;
  readonly command: string;
  readonly state: string;
  /** How long it has used a processor. */
  readonly cpuMs: number;
  readonly memory: number;
}

/** All processes at one moment. */
export interface Sample {
  readonly atMs: number;
  readonly processes: readonly ProcessInfo[];
}

/** A line of the shell that prints the time since start, then per process its `stat` and its command line. */
export const SURVEY = `cat /proc/uptime; for d in /proc/[0-9]*; do
[ "\${d#/proc/}" = $$ ] && continue
read -r s 2>/dev/null < $d/stat || continue
printf '%s\\t' "$s"; tr '\\0\\n\\t' '   ' 2>/dev/null < $d/cmdline; echo; done`;

/** Clock ticks are hundredths of a second and pages 4 KiB on every Linux that has sandboxes. */
const TICK_MS = 10;
const PAGE_BYTES = 4096;
const STATES: Readonly<Record<string, string>> = { R: "runs", S: "sleeps", D: "waits", T: "stopped", Z: "ended", I: "idle" };

/** Reads what {@link SURVEY} printed. */
export function readSample(text: string): Sample {
  const [uptime = "", ...lines] = text.split("\n");
  const processes = lines.flatMap((line) => {
    const match = /^(\d+) \((.*)\) (\w) ([^\t]*)\t(.*)$/.exec(line);
    if (match === null) return [];
    const [, pid = "", name = "", state = "", rest = "", command = ""] = match;
    const fields = rest.split(" ").map(Number);
    // After the state come ppid, pgrp, …: utime is the 11th of them, stime the 12th, rss the 21st.
    const cpuMs = ((fields[10] ?? 0) + (fields[11] ?? 0)) * TICK_MS;
    return [{ pid: Number(pid), command: command.trim() || `[${name}]`, state: STATES[state] ?? state, cpuMs, memory: (fields[20] ?? 0) * PAGE_BYTES }];
  });
  return { atMs: Number.parseFloat(uptime) * 1000, processes };
}
