// `cargo xtask bench`: one run, one table. Our package beside plain fetch and connect-web, same server, same bytes, in
// Node and in Chromium; then small latencies and one whole chain against a real server. Ratios within the run are what
// counts: absolute figures are the machine's. Exits non-zero only when something is broken, not when a goal is missed.
import { execFileSync, spawn } from "node:child_process";
import { once as event } from "node:events";
import { writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { megabytes, starts } from "./cli.mjs";
import { findChromium, startChromium, startServe, startSite, startSource } from "./hosts.mjs";
import { compared, jupyter } from "./jupyter.mjs";
import { entryOf } from "./package.mjs";
import { atMost, latency, proxied, render, renderGoals, throughput } from "./report.mjs";

const HELP = `node tests/bench/run.mjs [--quick] [--json FILE] [--only PART]... [--rounds N] [--package DIR] [--no-build]
PART: cli, node, chromium, latency, process, code, proxy`;
const here = fileURLToPath(new URL(".", import.meta.url));
const root = resolve(here, "../..");
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
const PARTS = ["cli", "node", "chromium", "latency", "process", "code", "proxy"];
const CHUNK = 64 << 10;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean" },
    json: { type: "string" },
    only: { type: "string", multiple: true, default: PARTS },
    rounds: { type: "string" },
    package: { type: "string", default: join(target, "npm/jetway") },
    "no-build": { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});
const unknown = options.only.find((part) => !PARTS.includes(part));
const rounds = Number(options.rounds ?? (options.quick ? 3 : 9));
if (options.help || unknown || !(rounds >= 1)) {
  console.error(unknown ? `--only ${unknown}: no such part\n${HELP}` : HELP);
  process.exit(options.help ? 0 : 2);
}

const plan = {
  bytes: (options.quick ? 64 : 256) << 20,
  chunk: CHUNK,
  rounds,
  warm: { bytes: 16 << 20, chunk: CHUNK },
};
const wants = (part) => options.only.includes(part);

/** Runs a measuring script in a Node of its own and answers what it prints. */
async function inNode(script, config) {
  const child = spawn(process.execPath, [join(here, script), JSON.stringify(config)], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = event(child, "exit");
  const chunks = await child.stdout.toArray();
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`${script} ended with ${code ?? signal}`);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function inChromium(site, config) {
  const binary = findChromium();
  if (!binary) throw new Error("no Chromium: install one, name it by CHROMIUM=…, or leave it out with --only");
  const posted = site.result();
  const chromium = await startChromium(binary, `${site.url}/#${encodeURIComponent(JSON.stringify(config))}`);
  try {
    const late = new Promise((done) => setTimeout(done, 240_000, { error: "nothing posted within 240 s" }).unref());
    const died = chromium.ended.then((how) => ({ error: `Chromium ${how}` }));
    const result = await Promise.race([posted, late, died]);
    if (result.error) throw new Error(`in the page: ${result.error}`);
    return result;
  } finally {
    await chromium.close();
  }
}

function compile() {
  const packages = ["-p", "jetway-cli", "-p", "jetway-server", "--bin", "jetway", "--example", "bench_source"];
  execFileSync("cargo", ["build", "--release", ...packages], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
}

const sections = [];
const show = (section) => {
  sections.push(section);
  console.log(`\n${render(section)}`);
};

if (!options["no-build"]) compile();
const machine = { node: process.version, cores: availableParallelism(), load: loadavg()[0] };
console.log(`Node ${machine.node}, ${machine.cores} cores, load ${machine.load.toFixed(1)}`);
if (machine.load > machine.cores / 2) console.log("The machine is busy: ratios will scatter, and latencies measure the others too.");
const open = [];
try {
  const opened = async (starting) => {
    const host = await starting;
    open.push(host);
    return host;
  };
  const packageDir = resolve(options.package);
  const nodeEntry = pathToFileURL(join(packageDir, await entryOf(packageDir, ["node", "import"]))).href;
  const pageEntry = `/jetway/${await entryOf(packageDir, ["browser", "import"])}`.replace("/./", "/");
  const source = await opened(startSource(join(target, "release/examples/bench_source")));
  const bundled = await build({
    entryPoints: [join(here, "page.mjs")],
    bundle: true,
    format: "esm",
    minify: true,
    write: false,
    nodePaths: [join(root, "tests/node_modules")],
  });
  const site = await opened(startSite({ script: bundled.outputFiles[0].text, packageDir }));
  const memory = { ...plan, sourceUrl: source.url, baseUrl: source.url };
  const size = `${plan.bytes >> 20} MiB in ${CHUNK >> 10} KiB frames`;

  if (wants("cli")) {
    const binary = join(target, "release/jetway");
    const section = latency("The command, milliseconds of a whole run", starts(binary, options.quick ? 20 : 100), { "jetway --version": 15 });
    section.goals.push(atMost("The command: size of the binary, MB", megabytes(binary), 25));
    show(section);
  }
  if (wants("node")) {
    const figures = await inNode("streams_node.mjs", { ...memory, entry: nodeEntry });
    show(throughput(`Node, from memory, ${size}`, figures, plan.bytes));
  }
  if (wants("chromium")) {
    const figures = await inChromium(site, { ...memory, entry: pageEntry });
    show(throughput(`Chromium, from memory, ${size}`, figures, plan.bytes));
  }
  if (wants("latency") || wants("process")) {
    const { url: baseUrl, token, close } = await startServe(join(target, "release/jetway"), site.url);
    open.push({ close });
    const real = { sourceUrl: source.url, baseUrl, token, entry: nodeEntry };
    if (wants("latency")) {
      const counts = options.quick ? { warmUps: 10, execs: 50, creates: 10 } : { warmUps: 50, execs: 300, creates: 50 };
      const limits = { "exec true, jetway": 3, "create to first output": 15 };
      show(latency("Node, real server, milliseconds", await inNode("latency.mjs", { ...real, ...counts }), limits));
    }
    if (wants("process")) {
      const head = ["head", "-c", String(plan.bytes), "/dev/zero"];
      const once = { ...plan, ...real, rounds: 3, command: head, image: "host" };
      const chain = `from a process, ${plan.bytes >> 20} MiB`;
      const unjudged = { judged: false };
      show(throughput(`Node, ${chain}`, await inNode("streams_node.mjs", once), plan.bytes, unjudged));
      if (wants("chromium")) {
        show(throughput(`Chromium, ${chain}`, await inChromium(site, { ...once, entry: pageEntry }), plan.bytes, unjudged));
      }
    }
  }
  if (wants("code")) {
    const { url: baseUrl, token, close } = await startServe(join(target, "release/jetway"), site.url, ["--warm", "2"]);
    open.push({ close });
    const counts = options.quick ? { warmUps: 10, execs: 50, creates: 10, rounds: 3 } : { warmUps: 50, execs: 300, creates: 50, rounds: 5 };
    const config = { baseUrl, token, part: "code", ...counts };
    const measured = await inNode("code_node.mjs", { ...config, entry: nodeEntry });
    const kernel = jupyter(join(target, "bench-jupyter"), counts);
    if (kernel.samples) measured.figures["1+1 in a Jupyter kernel"] = kernel.samples;
    const limits = { 'runCode("1+1"), warm': 5, "acquire from the pool": 3 };
    const section = latency("Node, code that remembers, milliseconds", measured, limits);
    section.goals.push(...compared("Node", measured, kernel.samples));
    show(section);
    if (!kernel.samples) console.log(`  not compared with a Jupyter kernel: ${kernel.reason}`);
    if (wants("chromium")) {
      const measured = await inChromium(site, { ...config, entry: pageEntry });
      const section = latency("Chromium, code that remembers, milliseconds", measured, { 'runCode("1+1"), warm': 8 });
      section.goals.push(...compared("Chromium", measured));
      show(section);
    }
  }
  if (wants("proxy")) {
    const counts = options.quick ? { warmUps: 50, calls: 300, cancels: 20 } : { warmUps: 100, calls: 2000, cancels: 100 };
    const config = { ...plan, ...counts, idle: 1000, sourceUrl: source.url, binary: join(target, "release/jetway") };
    show(proxied(`jetway proxy beside no proxy, Node, ${size}`, await inNode("proxy.mjs", config), plan.bytes));
  }
  const goals = sections.flatMap((section) => section.goals);
  console.log(`\nGoals\n${renderGoals(goals)}\n${goals.filter(({ met }) => met).length} of ${goals.length} met`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, plan, sections }, null, 2)}\n`);
} catch (error) {
  console.error(`\nbench: ${error.stack ?? error}`);
  process.exitCode = 1;
} finally {
  for (const host of open.reverse()) {
    await host.close().catch((error) => {
      console.error(`bench: ${error.message}`);
      process.exitCode = 1;
    });
  }
}
