
// ---- serve: the supervisor ----

class Supervisor {
  calls = new Map();
  finished = [];
  queue = [];
  running = undefined;
  count = 0;
  clients = new Set();
  worker = undefined;
  idle = [];
  paused = false;
  leaving = undefined;

  constructor(directory, spawn) {
    Object.assign(this, { directory, spawn });
    this.lost = this.describe();
  }

  /** Writes what `list` shows. Returns whether an earlier interpreter of this context is gone. */
  describe() {
    const file = path.join(this.directory, "context.json");
    const known = fs.existsSync(file);
    const about = {
      id: path.basename(this.directory), language: "javascript", cwd: process.cwd(), pid: process.pid,
      version: process.versions.node, startedAtMs: Date.now(),
    };
    fs.writeFileSync(`${file}.new`, json(about));
    fs.renameSync(`${file}.new`, file);
    return known;
  }

  listen() {
    const file = path.join(this.directory, "socket");
    fs.rmSync(file, { force: true });
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
    this.startWorker();
    server.listen(file, () => {
      fs.chmodSync(file, 0o600);
      fs.writeSync(3, "+");
      fs.closeSync(3);
    });
  }

  close() {
    this.killWorker();
    fs.rmSync(this.directory, { recursive: true, force: true });
    process.exit(0);
  }

  // -- clients

  accept(socket) {
    const client = { socket, incoming: new Frames(), calls: new Map(), ended: false, full: false };
    this.clients.add(client);
    const hello = {
      protocol: PROTOCOL, language: "javascript", version: process.versions.node, executionCount: this.count,
      cwd: process.cwd(), busy: this.running !== undefined,
    };
    socket.write(pack("H", NOBODY, json(hello)));
    socket.on("data", (data) => {
      try {
        for (const { kind, call, body } of client.incoming.feed(data)) this.request(client, kind, call, body);
      } catch {
        socket.destroy(); // it does not speak the protocol
      }
      this.turn();
    });
    socket.on("end", () => {
      client.ended = true;
      this.turn();
    });
    socket.on("drain", () => {
      client.full = false;
      this.turn();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.clients.delete(client);
      for (const call of client.calls.keys()) call.client = undefined;
      this.turn();
    });
  }

  request(client, kind, number, body) {
    const known = this.calls.get(number);
    if (kind === "E") {
      if (known) return this.adopt(client, known, 0); // said again by a client that does not know whether it was heard
      const size = body.readUInt32BE(0);
      const call = new Call(number, JSON.parse(body.subarray(4, 4 + size)), body.subarray(4 + size));
      this.calls.set(number, call);
      this.adopt(client, call, 0);
      this.queue.push(call);
    } else if (kind === "C") {
      const call = known ?? new Call(number);
      if (!known) this.end(call, "ContextLost", "the interpreter that ran this call is gone, and so is its state", true);
      this.adopt(client, call, known ? Number(body.readBigUInt64BE(0)) : 0);
    } else if (kind === "K") {
      known?.acknowledge(Number(body.readBigUInt64BE(0)));
    } else if (kind === "I") {
      this.interrupt(number);
    } else if (kind === "R" || kind === "X") {
      const call = new Call(number);
      this.adopt(client, call, 0);
      if (kind === "R") this.restart();
      else this.leaving = client;
      call.add(pack("Z", number, json({ status: "ok", executionCount: this.count, durationMs: 0, restarted: false })));
      call.done = true;
    }
  }

  adopt(client, call, position) {
    if (call.client === client) return;
    call.client?.calls.delete(call);
    call.acknowledge(position);
    call.client = client;
    client.calls.set(call, call.frames[0]?.at ?? call.end);
  }

  send(client) {
    for (const call of [...client.calls.keys()]) {
      for (let index = call.find(client.calls.get(call)); index < call.frames.length; index += 1) {
        if (client.full) return;
        const { at, bytes } = call.frames[index];
        client.full = !client.socket.write(bytes);
        client.calls.set(call, at + bytes.length);
        call.sent = Math.max(call.sent, at + bytes.length);
      }
      if (call.done) {
        client.calls.delete(call);
        call.client = undefined;
      } else if (client.ended) {
        call.acknowledge(client.calls.get(call) - WINDOW); // it cannot do so itself any more
      }
    }
    if (client.calls.size > 0) return;
    if (client === this.leaving) client.socket.end(() => this.close());
    else if (client.ended) client.socket.end();
  }

  /** Brings everything forward that can go on. */
  turn() {
    this.next();
    for (const client of this.clients) this.send(client);
    this.pauseOrRead();
    if (this.leaving && !this.clients.has(this.leaving)) this.close(); // it went before its answer did
  }

  // -- the call that runs

  emit(kind, ...parts) {
    const call = this.running;
    call.add(pack(kind, call.number, ...parts));
    if (call.client === undefined && call.held > SPOOL) call.shorten();
  }

  next() {
    if (this.running || this.queue.length === 0) return;
    if (!this.worker) this.startWorker();
    const call = (this.running = this.queue.shift());
    if (!call.options.silent) this.count += 1;
    call.started = performance.now();
    this.emit("S", json({ executionCount: this.count }));
    for (const { kind, data } of this.idle) this.emit(kind, data);
    this.idle = [];
    const options = json({ ...call.options, executionCount: this.count });
    this.worker.control.write(pack("E", call.number, word(options.length), options, call.source));
    call.source = undefined;
    if (call.options.timeoutMs) {
      const late = () => {
        call.timedOut = true;
        this.interrupt(call.number);
      };
      call.timers.push(setTimeout(late, Math.min(call.options.timeoutMs, 2 ** 31 - 1)));
    }
  }

  finish(status, restarted = false) {
    const call = this.running;
    this.running = undefined;
    call.timers.forEach(clearTimeout);
    const durationMs = Math.round((performance.now() - call.started) * 1000) / 1000;
    const done = { status, executionCount: this.count, durationMs, restarted: restarted || this.lost };
    this.lost = false;
    call.add(pack("Z", call.number, json(done)));
    call.done = true;
    this.finished.push(call);
    while (this.finished.length > KEPT_CALLS || this.finished.reduce((sum, { held }) => sum + held, 0) > SPOOL) {
      const old = this.finished.shift();
      this.calls.delete(old.number);
      if (old === call) break;
    }
    this.turn();
  }

  /** Ends a call that does not run. */
  end(call, name, value, restarted) {
    call.add(pack("X", call.number, json({ name, value, traceback: `${name}: ${value}` })));
    const done = { status: restarted ? "exited" : "interrupted", executionCount: this.count, durationMs: 0, restarted };
    call.add(pack("Z", call.number, json(done)));
    call.done = true;
  }

  interrupt(number) {
    const call = this.running;
    if (call && (number === call.number || number === NOBODY)) {
      const { worker } = this;
      worker?.interrupts.write(pack("I", call.number));
      const insist = () => signal(-worker.child.pid, "SIGINT");
      const end = () => call.timedOut && !this.paused && signal(worker.child.pid, "SIGKILL");
      if (worker) call.timers.push(setTimeout(insist, INSIST_AFTER), setTimeout(end, END_AFTER));
      return;
    }
    const waiting = this.queue.find((call) => call.number === number);
    if (!waiting) return;
    this.queue.splice(this.queue.indexOf(waiting), 1);
    this.end(waiting, "InterruptedError", "the call was interrupted before it began", false);
    this.calls.delete(number);
  }

  // -- the worker

  startWorker() {
    const stdio = ["ignore", "pipe", "pipe", "pipe", "pipe"];
    const child = this.spawn(process.execPath, [SELF, "work"], { detached: true, stdio });
    const [, stdout, stderr, control, interrupts] = child.stdio;
    const worker = (this.worker = { child, stdout, stderr, control, interrupts });
    const replies = new Frames();
    for (const stream of child.stdio.slice(1)) stream.on("error", () => {});
    stdout.on("data", (data) => this.output("O", data));
    stderr.on("data", (data) => this.output("F", data));
    control.on("data", (data) => {
      for (const frame of replies.feed(Buffer.from(data))) worker.pending = this.afterOutput(worker, () => this.reply(frame));
    });
    child.on("exit", (code, name) => this.afterOutput(worker, () => worker === this.worker && this.exited(code, name)));
    this.paused = false;
  }

  /**
   * What was written before now comes before what is said next: one round of the event loop reads all that was there,
   * unless reading is paused.
   */
  async afterOutput(worker, act) {
    const earlier = worker.pending;
    await new Promise(setImmediate);
    while (this.paused) await new Promise((resolve) => setTimeout(resolve, 1));
    await earlier;
    if (worker.wasPaused) {
      worker.wasPaused = false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    act();
  }

  output(kind, data) {
    if (this.running) {
      this.emit(kind, data);
      return this.turn();
    }
    this.idle.push({ kind, data });
    while (this.idle.reduce((sum, { data }) => sum + data.length, 0) > IDLE_OUTPUT) this.idle.shift();
  }

  /** Who listens slowly slows the program down; who does not listen at all does not. */
  pauseOrRead() {
    const { running: call, worker } = this;
    const client = call?.client;
    const unsent = client ? call.end - client.calls.get(call) : 0;
    const pause = unsent > WINDOW || (client !== undefined && !client.ended && call.held > 2 * WINDOW);
    if (!worker || pause === this.paused) return;
    this.paused = pause;
    for (const stream of [worker.stdout, worker.stderr]) {
      if (pause) stream.pause();
      else stream.resume();
    }
    worker.wasPaused = true;
  }

  reply({ kind, call: number, body }) {
    const call = this.running;
    if (!call || number !== call.number) return;
    if (kind === "Z") {
      const status = body.toString();
      return this.finish(call.timedOut && status === "interrupted" ? "timeout" : status);
    }
    if (kind === "X" && call.timedOut) {
      const error = JSON.parse(body);
      if (error.name === "InterruptedError") Object.assign(error, timeError(call));
      this.emit(kind, json(error));
    } else {
      this.emit(kind, body);
    }
    this.turn();
  }

  exited(code, name) {
    this.worker = undefined;
    if (!this.running) {
      this.lost = true;
    } else if (this.running.timedOut) {
      this.report("TimeoutError", `${timeMessage(this.running)}; it did not react and was ended with its state`);
      this.finish("timeout", true);
    } else {
      const how = name ? `was killed by ${name}${name === "SIGKILL" ? " (out of memory?)" : ""}` : `exited with code ${code}`;
      this.report("ContextExited", `the interpreter ${how}; its state is gone, the next call starts anew`);
      this.finish("exited", true);
    }
  }

  report(name, value) {
    this.emit("X", json({ name, value, traceback: `${name}: ${value}` }));
  }

  killWorker() {
    const { worker } = this;
    this.worker = undefined;
    if (!worker) return;
    signal(-worker.child.pid, "SIGKILL");
    worker.stdout.removeAllListeners("data");
    worker.stderr.removeAllListeners("data");
    worker.control.removeAllListeners("data");
  }

  restart() {
    this.killWorker();
    this.idle = [];
    this.lost = false;
    this.startWorker();
    if (this.running) {
      this.report("ContextRestarted", "the context was restarted during this call");
      this.finish("exited", true);
    }
    this.count = 0;
  }
}

const timeMessage = (call) => `the call ran longer than ${call.options.timeoutMs} ms and was interrupted`;

const timeError = (call) => ({
  name: "TimeoutError", value: timeMessage(call), traceback: `TimeoutError: ${timeMessage(call)}`,
});

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // it is gone already
  }
}
