// Processes, terminals and logs in the official SDK's shape: text as it comes, and results with the sizes that it tells.

/** A result as it has it. What was dropped in the middle is not counted by us: a truncated output says so. */
export function resultOf(result, streamed = {}) {
  const sized = (which) => {
    const bytes = streamed[which]?.() ?? result[`${which}Bytes`];
    return {
      [which]: new TextDecoder().decode(bytes),
      [`${which}Bytes`]: bytes,
      [`${which}BytesProduced`]: bytes.length,
      [`${which}Truncated`]: result.truncated,
    };
  };
  const { command, exitCode, ok } = result;
  return { command, exitCode, ok, failed: !ok, ...sized("stdout"), ...sized("stderr") };
}

/** Starts a process; its outputs are live for who reads them, and in its result all the same. */
export async function processOf(sandbox, command, { bufferedMaxKiB, ...options } = {}) {
  const maxBufferBytes = bufferedMaxKiB === undefined ? undefined : bufferedMaxKiB * 1024;
  const process = sandbox.exec(command, { ...options, maxBufferBytes });
  await process._opening();
  const [stdout, stderr] = [kept(process, "stdout"), kept(process, "stderr")];
  const state = follow(process);
  return {
    command: process.command,
    get exitCode() {
      return process.exitCode;
    },
    get status() {
      return state.status;
    },
    stdout: stdout.text,
    stderr: stderr.text,
    ...(options.stdin ? { stdin: writer(process) } : {}),
    poll: () => process.poll(),
    cancel: async () => process.cancel(),
    async wait(limits) {
      return resultOf(await process.result(limits), { stdout: stdout.bytes, stderr: stderr.bytes });
    },
  };
}

/** A terminal. */
export async function terminalOf(session) {
  const state = follow({ then: (...settle) => session.wait().then(...settle) });
  return {
    command: session.command,
    get exitCode() {
      return session.exitCode;
    },
    get status() {
      return state.status;
    },
    output: session.output,
    stdin: writer({ write: (data) => session.write(data), closeStdin: () => session.write("\u0004") }),
    poll: () => session.exitCode,
    cancel: () => session.close(),
    resize: (cols, rows) => session.resize(cols, rows),
    wait: async (limits) => ({ command: session.command, exitCode: await session.wait(limits) }),
  };
}

function follow(process) {
  const state = { status: "running" };
  const over = (error) => (state.status = error === undefined ? "exited" : error.code === "cancelled" ? "cancelled" : "failed");
  process.then(() => over(), over);
  return state;
}

function writer(process) {
  let closed = false;
  return {
    get closed() {
      return closed;
    },
    write: (data) => process.write(data),
    writeln: (text) => process.write(`${text}\n`),
    async close() {
      closed = true;
      await process.closeStdin();
    },
  };
}

/** An output that is text for who iterates it, and whose bytes are then kept for the result. */
function kept(process, which) {
  let chunks;
  return {
    text: {
      async *[Symbol.asyncIterator]() {
        const decoder = new TextDecoder();
        chunks ??= [];
        for await (const chunk of process[which]) {
          chunks.push(chunk);
          const piece = decoder.decode(chunk, { stream: true });
          if (piece) yield piece;
        }
        const rest = decoder.decode();
        if (rest) yield rest;
      },
    },
    bytes() {
      if (!chunks) return undefined;
      const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
      let at = 0;
      for (const chunk of chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
      return all;
    },
  };
}

/** A sandbox's logs. */
export function logsOf(sandbox) {
  const open = ({ sinceTime, resume, ...options } = {}) => {
    const position = resume && { sessionId: resume.sessionId, offset: Number(resume.offset) };
    return sandbox.logs({ ...options, since: sinceTime === undefined ? undefined : new Date(sinceTime), resume: position });
  };
  const stream = (options, items) => {
    const log = open(options);
    let closed = false;
    const end = async () => {
      closed = true;
      log.cancel();
    };
    return {
      get closed() {
        return closed;
      },
      get offset() {
        return log.position && String(log.position.offset);
      },
      get sessionId() {
        return log.position?.sessionId;
      },
      cancel: end,
      close: end,
      async *[Symbol.asyncIterator]() {
        try {
          yield* items(log);
        } finally {
          closed = true;
        }
      },
    };
  };
  const raw = async function* (log) {
    const decoder = new TextDecoder();
    for await (const { data, timestamp, position } of log.chunks()) {
      const text = decoder.decode(data, { stream: true });
      yield { data, text, timestamp, offset: String(position.offset), sessionId: position.sessionId };
    }
  };
  const entries = async function* (log) {
    let rest = "";
    let last;
    for await (const { text, ...about } of raw(log)) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      last = { offset: about.offset, sessionId: about.sessionId, timestamp: about.timestamp };
      for (const line of lines) yield { line, ...last };
    }
    if (rest) yield { line: rest, ...last };
  };
  return {
    async read(options) {
      const lines = [];
      for await (const line of open({ ...options, follow: false })) lines.push(line);
      return lines;
    },
    stream: async (options) => stream(options, (log) => log.lines()),
    streamEntries: async (options) => stream(options, entries),
    streamRaw: async (options) => stream(options, raw),
  };
}
