// What runs in the sandbox, and what it takes: a table with kill, a chart of processor and memory. Must not know the
// other panels.
import { button, h, put } from "../base/dom";
import { bytes, span } from "../base/format";
import { describe } from "../base/problem";
import type { Mount } from "../context";
import { pause, whileRunning } from "../shell/following";
import { Chart } from "./chart";
import { readSample, SURVEY, type Sample } from "./survey";

const LOOK_EVERY_MS = 2_000;

export const mount: Mount = (host, context) => {
  const cpu = new Chart("Processor", (value) => `${value.toFixed(0)} %`, 100);
  const memory = new Chart("Memory", bytes, 64 * 1024 * 1024);
  const body = h("tbody", { testid: "processes" });
  const names = ["Process", "Command", "State", "Processor", "Memory", "Time"].map((name) => h("th", { scope: "col" }, name));
  const head = h("thead", {}, h("tr", {}, ...names, h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Actions"))));
  const table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Processes" }, h("table", { class: "grid" }, head, body));
  host.append(h("div", { class: "charts" }, cpu.root, memory.root), table);
  const following = whileRunning(context, host, async (sandbox, signal, another) => {
    if (another) for (const chart of [cpu, memory]) chart.clear();
    const kill = async (pid: number) => {
      try {
        const { exitCode, stderr } = await sandbox.exec(["sh", "-c", `kill -TERM ${pid}`]);
        if (exitCode !== 0) throw new Error(stderr.trim());
        context.tell(`Process ${pid} was asked to end.`);
      } catch (error) {
        context.complain(describe(error));
      }
    };
    let before: Sample | undefined;
    while (!signal.aborted) {
      const { stdout } = await sandbox.exec(["sh", "-c", SURVEY], { signal });
      const sample = readSample(stdout);
      const passed = before === undefined ? 0 : sample.atMs - before.atMs;
      let total = 0;
      const rows = sample.processes.map((process) => {
        const earlier = before?.processes.find(({ pid }) => pid === process.pid);
        const share = earlier === undefined || passed <= 0 ? 0 : Math.max(0, ((process.cpuMs - earlier.cpuMs) / passed) * 100);
        total += share;
        const cells = [process.pid, process.command, process.state, `${share.toFixed(0)} %`, bytes(process.memory), span(process.cpuMs)];
        const end = button("Kill", () => void kill(process.pid), { class: "quiet small", "aria-label": `Kill process ${process.pid}`, "data-testid": `kill-${process.pid}` });
        return h("tr", {}, ...cells.map((cell) => h("td", {}, cell)), h("td", {}, process.pid === 1 ? undefined : end));
      });
      const focused = document.activeElement?.getAttribute("data-testid");
      put(body, ...rows);
      if (focused?.startsWith("kill-") === true) body.querySelector<HTMLElement>(`[data-testid="${focused}"]`)?.focus();
      if (before !== undefined) cpu.add(total);
      memory.add(sample.processes.reduce((sum, process) => sum + process.memory, 0));
      before = sample;
      await pause(LOOK_EVERY_MS, signal);
    }
  });
  return following;
};
