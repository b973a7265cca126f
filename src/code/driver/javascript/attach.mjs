// Keeps a JavaScript interpreter between calls, inside a sandbox. Needs nothing but Node 18 or newer.
//
//   driver.mjs attach DIR OPTIONS [FILE]  relays stdin and stdout (or the requests in FILE) to the context in DIR; the
//                                         first one starts it. OPTIONS: {"create": may a new context be started}
//   driver.mjs serve DIR                  the context: a supervisor with the socket, the queue and the output. Its child
//   driver.mjs work                       is the interpreter: user code can only hurt that
//   driver.mjs list ROOT                  the contexts under ROOT, as JSON
//
// Frames, both ways: u32 length of the rest, u8 kind, u64 call, body. Big endian. The kinds are in `protocol.rs`.
// A call's frames form one byte stream; `C` (continue) and `K` (acknowledge) name positions in it.

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PROTOCOL = 1;
const NO_CONTEXT = 44;
const CHUNK = 65536;
const MAX_REQUEST = 80 << 20;
const WINDOW = 8 << 20;
const SPOOL = 64 << 20;
const KEPT_CALLS = 16;
const IDLE_OUTPUT = 1 << 20;
// After an interrupt the worker is asked first, then its children, then it is ended when a time limit is at stake.
const INSIST_AFTER = 500;
const END_AFTER = 5000;
const START_WITHIN = 15000;
const SELF = fileURLToPath(import.meta.url);

// ---- attach ----

async function attach(directory, options, requestFile) {
  const socket = (await connect(directory)) ?? (await start(directory, JSON.parse(options)));
  socket.on("error", () => {});
  // A reader that is slow leaves something to be written: what came before the end comes out before the exit.
  const leave = () => process.stdout.write("", () => process.exit(0));
  socket.on("end", leave);
  socket.on("close", leave);
  process.stdout.on("error", () => process.exit(0));
  socket.pipe(process.stdout, { end: false });
  if (requestFile === undefined) {
    process.stdin.pipe(socket);
  } else {
    socket.end(fs.readFileSync(requestFile)); // the context closes when it has answered
    fs.unlinkSync(requestFile);
  }
}

function connect(directory) {
  return new Promise((resolve) => {
    const socket = net.connect({ path: path.join(directory, "socket"), allowHalfOpen: true });
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", () => resolve(undefined));
  });
}

async function start(directory, { create }) {
  if (!create && !fs.existsSync(directory)) {
    process.stderr.write("no such context\n");
    process.exit(NO_CONTEXT);
  }
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const owner = fs.statSync(directory).uid;
  if (owner !== process.geteuid()) fail(`the context belongs to user ${owner}, this is user ${process.geteuid()}`);
  const lock = path.join(directory, "starting");
  for (const began = Date.now(); ; ) {
    try {
      fs.mkdirSync(lock);
      break;
    } catch {
      const socket = await connect(directory);
      if (socket) return socket;
      if (Date.now() - began > START_WITHIN) fs.rmSync(lock, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  try {
    const found = await connect(directory);
    if (found) return found;
    const { spawn } = await import("node:child_process");
    const log = fs.openSync(path.join(directory, "log"), "w", 0o600);
    const stdio = ["ignore", log, log, "pipe"];
    // Through a shell that is gone at once: a context must not descend from an exec that may be killed with its family.
    delete process.env.JETWAY_PROCESS_ID; // marks the exec, which this outlives
    const line = ["-c", '"$@" &', "sh", process.execPath, SELF, "serve", directory];
    const child = spawn("/bin/sh", line, { detached: true, stdio }).on("error", () => {});
    const ready = await new Promise((resolve) => {
      child.stdio[3].once("data", () => resolve(true)).once("end", () => resolve(false));
    });
    if (!ready) fail("the interpreter did not start: " + fs.readFileSync(path.join(directory, "log"), "utf8").slice(-2000));
    child.stdio[3].destroy();
    child.unref();
    return (await connect(directory)) ?? fail("the interpreter ended at once");
  } finally {
    fs.rmSync(lock, { recursive: true, force: true });
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

async function list(root) {
  const found = [];
  for (const name of fs.existsSync(root) ? fs.readdirSync(root).sort() : []) {
    try {
      const context = JSON.parse(fs.readFileSync(path.join(root, name, "context.json"), "utf8"));
      const socket = await connect(path.join(root, name));
      socket?.destroy();
      found.push({ ...context, alive: socket !== undefined });
    } catch {
      // not a context, or one that is just going
    }
  }
  console.log(JSON.stringify(found));
}
