
// ---- work: the interpreter ----

/**
 * Runs in a thread beside the interpreter. An interrupt is told to the main thread; while that does not hear it, it is
 * busy, and what it does is terminated. Shared: the last interrupt that it heard, and the last that there was. One
 * termination at a time: a second one would hit what runs next. The session lives only as long as one is under way, for
 * Node waits for sessions when it exits.
 */
function guard() {
  const { parentPort, workerData } = require("node:worker_threads");
  const { Session } = require("node:inspector");
  const { Socket } = require("node:net");
  const [HEARD, WANTED] = [0, 1];
  const shared = new Int32Array(workerData);
  let session;
  const press = (number, call) => {
    if (number !== Atomics.load(shared, WANTED) || Atomics.load(shared, HEARD) >= number) return;
    if (!session) {
      session = new Session();
      session.connectToMainThread();
      session.post("Runtime.terminateExecution", () => {
        session.disconnect();
        session = undefined;
        parentPort.postMessage({ number, call }); // what was terminated may have been the one that listens
      });
    }
    setTimeout(press, 150, number, call);
  };
  new Socket({ fd: 4, readable: true, writable: false }).on("error", () => {}).on("data", (data) => {
    for (let at = 0; at < data.length; at += 13) {
      const number = Atomics.add(shared, WANTED, 1) + 1;
      const call = data.readBigUInt64BE(at + 5);
      parentPort.postMessage({ number, call });
      setTimeout(press, 150, number, call);
    }
  });
}

/** Output is written at once, until a program writes so much that only batches are fast; those wait for its next turn. */
class Output {
  parts = [];
  size = 0;
  credit = 1000;
  last = 0;
  armed = false;

  constructor(fd) {
    this.fd = fd;
  }

  write(data) {
    const now = performance.now();
    this.credit = Math.min(1000, this.credit + (now - this.last) * 20);
    this.last = now;
    this.parts.push(data);
    this.size += data.length;
    if (this.credit >= 1) {
      this.credit -= 1;
      this.flush();
    } else if (this.size >= CHUNK) {
      this.flush();
    } else if (!this.armed) {
      this.armed = true;
      setImmediate(() => {
        this.armed = false;
        this.flush();
      });
    }
  }

  flush() {
    if (this.parts.length === 0) return;
    const { parts } = this;
    this.parts = [];
    this.size = 0;
    const bytes = typeof parts[0] === "string" && parts.every((part) => typeof part === "string")
      ? Buffer.from(parts.join(""))
      : Buffer.concat(parts.map((part) => Buffer.from(part)));
    writeAll(this.fd, bytes);
  }
}

function writeAll(fd, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") return; // nobody is there to read it
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

class Interpreter {
  call = NOBODY;
  rejectRunning = undefined;

  constructor({ inspector, module, stream, util, consoleModule, threads, vm }) {
    Object.assign(this, { util, vm, outputs: [new Output(1), new Output(2)] });
    this.session = new inspector.Session();
    this.session.connect();
    this.redirect(stream, consoleModule);
    this.provide(module);
    this.watch(threads);
    process.argv.length = 1;
    process.exitCode = undefined;
    process.on("SIGINT", () => {}); // meant for the programs that the code started
    process.on("uncaughtException", (error) => console.error("Uncaught", error));
    process.on("unhandledRejection", (error) => console.error("Uncaught (in promise)", error));
    process.exit = (code = process.exitCode) => {
      this.flush();
      this.session.disconnect();
      process.reallyExit(code ?? 0);
    };
  }

  redirect(stream, { Console }) {
    for (const [name, output] of [["stdout", this.outputs[0]], ["stderr", this.outputs[1]]]) {
      const write = (data, encoding) => output.write(typeof data === "string" && /^(utf-?8)?$/i.test(encoding) ? data : Buffer.from(data, encoding));
      const target = new stream.Writable({
        decodeStrings: false,
        write(data, encoding, done) {
          write(data, encoding === "buffer" ? undefined : encoding);
          done();
        },
      });
      target.write = (data, encoding, done) => {
        if (typeof encoding === "function") [encoding, done] = [undefined, encoding];
        if (typeof data !== "string" && !ArrayBuffer.isView(data)) throw new TypeError("only strings and bytes can be written");
        if (typeof data === "string" && (encoding === undefined || encoding === "utf8")) output.write(data);
        else write(typeof data === "string" ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength), encoding);
        if (done) process.nextTick(done);
        return true;
      };
      target.fd = output.fd;
      target.isTTY = false;
      Object.defineProperty(process, name, { value: target, configurable: true, writable: true, enumerable: true });
    }
    globalThis.console = new Console({ stdout: process.stdout, stderr: process.stderr, ignoreErrors: false });
  }

  /** `require` and `import` as a module in the working directory has them. */
  provide({ Module }) {
    const file = path.join(process.cwd(), "cell.cjs");
    const place = new Module(file);
    place.filename = file;
    place.paths = Module._nodeModulePaths(process.cwd());
    place._compile("exports.load = (name, options) => import(name, options); exports.require = require;", file);
    const hidden = {
      [IMPORT]: place.exports.load,
      [SINK]: (value) => {
        this.taken = value;
      },
    };
    for (const [name, value] of Object.entries(hidden)) Object.defineProperty(globalThis, name, { value });
    Object.assign(globalThis, {
      require: place.exports.require, module: new Module(file), exports: {}, __dirname: process.cwd(), __filename: file,
      display: (...values) => values.forEach((value) => this.show(value, false)),
    });
  }

  watch({ Worker }) {
    const shared = new SharedArrayBuffer(8);
    this.interrupts = new Int32Array(shared);
    const thread = new Worker(`(${guard})()`, { eval: true, workerData: shared, stdout: false, stderr: false });
    thread.unref();
    thread.on("error", () => {});
    thread.on("message", ({ number, call }) => {
      if (Atomics.load(this.interrupts, HEARD) < number) Atomics.store(this.interrupts, HEARD, number);
      // It may have overtaken its call, and it may come after it.
      if (call === this.call) this.rejectRunning?.(INTERRUPTED);
      else this.early = call;
    });
  }

  flush() {
    for (const output of this.outputs) output.flush();
  }

  send(kind, ...parts) {
    writeAll(3, pack(kind, this.call, ...parts));
  }

  async cell(number, options, source) {
    this.call = number;
    let status = "ok";
    try {
      if (this.early === number) throw INTERRUPTED;
      const text = decode(source);
      const interrupted = new Promise((_, reject) => {
        this.rejectRunning = reject;
      });
      interrupted.catch(() => {});
      const value = await Promise.race([this.evaluate(text, options.executionCount), interrupted]);
      if (value !== undefined && !options.silent) {
        globalThis._ = value;
        this.show(value, true);
      }
    } catch (error) {
      status = this.report(error);
    }
    this.rejectRunning = undefined;
    // Whatever came until now was meant for this call, which may have ended before it heard.
    Atomics.store(this.interrupts, HEARD, Atomics.load(this.interrupts, WANTED));
    this.flush();
    this.send("Z", Buffer.from(status));
    this.call = NOBODY;
  }

  post(method, parameters) {
    return new Promise((resolve, reject) => {
      this.session.post(method, parameters, (error, result) => {
        if (error) reject(/terminated/.test(error.message) ? INTERRUPTED : error);
        else resolve(result);
      });
    });
  }

  /** REPL rules: `let`, `const` and `class` stay and may be said again, `await` is allowed, an object is an object. */
  async evaluate(text, count) {
    const code = withImports(text);
    const expression = /^\s*\{[^]*\}\s*$/.test(code) && this.parses(`(${code}\n)`) ? `(${code}\n)` : code;
    const { result, exceptionDetails: problem } = await this.post("Runtime.evaluate", {
      expression: `${expression}\n//# sourceURL=cell-${count}.js`, replMode: true, objectGroup: "cell",
    });
    let value;
    try {
      value = await this.take(problem?.exception ?? result);
    } finally {
      await this.post("Runtime.releaseObjectGroup", { objectGroup: "cell" });
    }
    if (!problem) return value;
    if (value instanceof SyntaxError && !/^\s+at .*cell-\d+\.js/m.test(value.stack ?? "")) {
      const line = text.split("\n")[problem.lineNumber] ?? "";
      const caret = " ".repeat(Math.min(problem.columnNumber, 200)) + "^";
      throw new Raised(value, `cell-${count}.js:${problem.lineNumber + 1}\n${line.slice(0, 400)}\n${caret}\n${value.name}: ${value.message}`);
    }
    throw new Raised(value);
  }

  parses(expression) {
    try {
      return Boolean(new this.vm.Script(expression));
    } catch {
      return false;
    }
  }

  /** The value behind the inspector's description of it. */
  async take(remote) {
    if (remote.type === "undefined") return undefined;
    if (remote.objectId === undefined && remote.unserializableValue === undefined) return remote.value;
    const { result } = await this.post("Runtime.evaluate", { expression: "globalThis", objectGroup: "cell" });
    const argument = remote.objectId ? { objectId: remote.objectId } : { unserializableValue: remote.unserializableValue };
    await this.post("Runtime.callFunctionOn", {
      objectId: result.objectId, functionDeclaration: `function (value) { ${SINK}({ value }); }`, arguments: [argument],
    });
    const { value } = this.taken;
    this.taken = undefined;
    return value; // a promise is awaited by whoever awaits this: what it prints belongs to the cell
  }

  report(error) {
    if (error === INTERRUPTED) {
      const value = "the call was interrupted";
      this.send("X", json({ name: "InterruptedError", value, traceback: `InterruptedError: ${value}` }));
      return "interrupted";
    }
    const value = error instanceof Raised ? error.value : error;
    const isError = this.util.types.isNativeError(value) || value instanceof Error;
    const name = isError ? String(value.name) : "Error";
    const message = isError ? String(value.message) : this.util.inspect(value);
    let traceback = error instanceof Raised ? error.traceback : undefined;
    traceback ??= isError && typeof value.stack === "string" ? trim(value.stack) : `Uncaught ${message}`;
    if (isError && value.cause !== undefined) traceback += `\n  [cause]: ${trim(this.util.inspect(value.cause))}`;
    this.send("X", json({ name, value: message, traceback }));
    return "error";
  }

  show(value, result) {
    const data = {};
    const parts = [];
    const add = (mime, bytes) => {
      const name = Buffer.from(mime);
      parts.push(word(name.length).subarray(2), name, word(bytes.length), bytes);
    };
    const hook = value?.[Symbol.for("Jupyter.display")];
    for (const [mime, content] of Object.entries((typeof hook === "function" ? hook.call(value) : undefined) ?? {})) {
      if (ArrayBuffer.isView(content)) {
        add(mime, Buffer.from(content.buffer, content.byteOffset, content.byteLength));
      } else if (typeof content === "string" && /^image\/(png|jpeg|gif|webp)$/.test(mime)) {
        add(mime, Buffer.from(content, "base64"));
      } else {
        data[mime] = content;
      }
    }
    const picture = ArrayBuffer.isView(value) ? pictureType(value) : undefined;
    if (picture) add(picture, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    data["text/plain"] ??= this.util.inspect(value, { maxStringLength: 8 << 20 });
    data["application/json"] ??= this.faithfulJson(value);
    const head = json({ result, data, metadata: {} });
    this.flush();
    this.send("D", word(head.length), head, ...parts);
  }

  /** The value, where JSON can say it without losing anything. */
  faithfulJson(value) {
    try {
      const text = JSON.stringify(value);
      if (text === undefined || text.length > 1 << 20) return undefined;
      const again = JSON.parse(text);
      return this.util.isDeepStrictEqual(again, value) ? again : undefined;
    } catch {
      return undefined;
    }
  }
}

const IMPORT = "__jetway_import";
const SINK = "__jetway_sink";
const INTERRUPTED = Symbol("interrupted");
// Where the guard and the interpreter count interrupts.
const [HEARD, WANTED] = [0, 1];

class Raised {
  constructor(value, traceback) {
    Object.assign(this, { value, traceback });
  }
}

function decode(source) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(source);
  } catch {
    throw new Raised(new SyntaxError("the source is not valid UTF-8"), "SyntaxError: the source is not valid UTF-8");
  }
}

/** A stack without the frames of this file and of what it runs cells with. */
function trim(stack) {
  const lines = stack.split("\n");
  const ours = lines.findIndex((line) => /^\s+at .*(node:inspector|driver\.mjs)/.test(line));
  return (ours < 0 ? lines : lines.slice(0, ours)).join("\n");
}

function pictureType(view) {
  const bytes = Buffer.from(view.buffer, view.byteOffset, Math.min(view.byteLength, 12));
  if (bytes.subarray(0, 8).equals(Buffer.from("89504e470d0a1a0a", "hex"))) return "image/png";
  return bytes.subarray(0, 3).equals(Buffer.from("ffd8ff", "hex")) ? "image/jpeg" : undefined;
}
