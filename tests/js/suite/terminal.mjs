// Shells in terminals: sizes, exit codes, and the bridge to xterm.js.
import { deepEqual, equal, ok, rejects, throws } from "./assert.mjs";
import { standstill } from "./standstill.mjs";

/** Reads a terminal until its text so far matches. */
async function until(reader, pattern) {
  const decoder = new TextDecoder();
  let text = "";
  while (!pattern.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the terminal ended before ${pattern}: ${JSON.stringify(text)}`);
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

/** The part of xterm.js that a session uses. */
function fakeTerminal() {
  const listeners = { data: new Set(), resize: new Set() };
  const on = (name) => (listener) => {
    listeners[name].add(listener);
    return { dispose: () => listeners[name].delete(listener) };
  };
  let screen = "";
  const waiting = [];
  return {
    listeners,
    onData: on("data"),
    onResize: on("resize"),
    write(bytes, done) {
      screen += new TextDecoder().decode(bytes);
      for (const look of waiting) look();
      done?.();
    },
    type: (text) => listeners.data.forEach((listener) => listener(text)),
    resize: (size) => listeners.resize.forEach((listener) => listener(size)),
    shows: (pattern) =>
      new Promise((resolve) => {
        const look = () => pattern.test(screen) && resolve();
        waiting.push(look);
        look();
      }),
  };
}

export const terminal = {
  "a shell has the size that it was given, and follows a new one": async ({ sandbox }) => {
    const session = sandbox.shell({ command: ["sh"], cols: 100, rows: 30 });
    const reader = session.output.getReader();
    await session.write("stty size; echo first-do''ne\n");
    ok((await until(reader, /first-done/)).includes("30 100"), "the first size is wrong");
    await session.resize(132, 43);
    await session.write("stty size; echo second-do''ne\n");
    ok((await until(reader, /second-done/)).includes("43 132"), "the new size is wrong");
    await session.write("exit 5\n");
    equal(await session.wait(), 5);
    equal(session.exitCode, 5);
  },

  "without a command it is a login to work with": async ({ sandbox }) => {
    const session = sandbox.shell();
    const reader = session.output.getReader();
    await session.write("echo $TERM; test -t 0 && echo is-a-t''ty\n");
    ok((await until(reader, /is-a-tty/)).includes("xterm-256color"));
    await session.close();
  },

  "an xterm.js terminal is attached in one line": async ({ sandbox }) => {
    const session = sandbox.shell({ command: ["sh"] });
    const screen = fakeTerminal();
    const detach = session.attach(screen);
    screen.type("echo he''llo\n");
    await screen.shows(/hello/);
    screen.resize({ cols: 71, rows: 17 });
    screen.type("stty size\n");
    await screen.shows(/17 71/);
    detach();
    equal(screen.listeners.data.size, 0);
    equal(screen.listeners.resize.size, 0);
    await session.close();
  },

  "a terminal that draws nothing holds the program, and Ctrl-C reaches it at once": async ({ sandbox, duplex }) => {
    const chunk = duplex === "duplex" ? 32 * 1024 : 1024;
    const code =
      `import os, signal\nsignal.signal(signal.SIGINT, lambda *_: (open('/tmp/interrupted', 'w').close(), os._exit(7)))\nfor i in range(1 << 30):\n  os.write(1, b'y' * ${chunk})\n  with open('/tmp/shown.next', 'w') as file: file.write(str(i))\n  os.replace('/tmp/shown.next', '/tmp/shown')`;
    const session = sandbox.shell({ command: ["python3", "-uc", code] });
    // It takes what it is given and never says that it drew it.
    let taken = 0;
    let type;
    const detach = session.attach({ write: (bytes) => (taken += bytes.length), onData: (listener) => ((type = listener), { dispose() {} }) });
    const written = (await standstill(async () => Number(await sandbox.readFile("/tmp/shown", { encoding: "utf8" })))) * chunk;
    // The kernel's own terminal holds 64 KiB; a fetch has what the kernel buffers of a connection.
    const most = duplex === "duplex" ? 32 * 1024 : 448;
    ok(written < most * 1024, `the program wrote ${written} bytes to a terminal that drew nothing (${taken} given to it)`);
    type("\x03");
    while (!(await sandbox.exec(["test", "-e", "/tmp/interrupted"])).ok) await new Promise((done) => setTimeout(done, 50));
    detach();
    equal(await session.wait(), 7);
    await sandbox.exec(["rm", "/tmp/interrupted", "/tmp/shown"]);
  },

  "a kept shell is come back to by its name, goes on at the next byte, and is listed until it is closed": async ({ sandbox }) => {
    const states = [];
    const first = sandbox.shell({ command: ["sh"], env: { PS1: "> " }, keep: "suite", onState: (change) => states.push(change) });
    const reader = first.output.getReader();
    await first.write("own=kept; echo re''ady\n");
    await until(reader, /ready\r\n> /);
    deepEqual([first.id, first.kept, first.resumed], ["suite", true, false]);
    deepEqual(states.map(({ state }) => state), ["open"]);
    const from = first.offset;
    first.detach();
    const listed = await sandbox.terminals();
    deepEqual(listed.map(({ id, exitCode }) => [id, exitCode]), [["suite", undefined]]);

    const second = sandbox.shell({ keep: { id: "suite", from, attachOnly: true } });
    const again = second.output.getReader();
    await second.write("echo is-$own\n");
    const shown = await until(again, /\nis-kept\r\n/);
    ok(!shown.includes("ready"), shown);
    equal(second.resumed, true);
    await second.close();
    deepEqual(await sandbox.terminals(), []);
    const gone = await rejects(sandbox.shell({ keep: { id: "suite", attachOnly: true } }).wait());
    equal(gone.reason, "CWSANDBOX_TERMINAL_NOT_FOUND");
    equal(await sandbox.endTerminal("suite"), false);
  },

  "a terminal that is closed ends its shell": async ({ sandbox, jetway }) => {
    const session = sandbox.shell({ command: ["sh"] });
    const reader = session.output.getReader();
    await session.write("echo up-a''nd-running\n");
    await until(reader, /up-and-running/);
    await session.close();
    await rejects(session.wait(), jetway.CancelledError);
  },

  "sizes that no terminal has are refused": async ({ sandbox, jetway }) => {
    throws(() => sandbox.shell({ cols: 0, rows: 24 }), jetway.ValidationError);
    throws(() => sandbox.shell({ kept: true }), TypeError);
    equal((await rejects(sandbox.shell({ keep: "a/b" }).wait())).fieldViolations[0].field, "keep.id");
    throws(() => sandbox.shell({ rows: 1.5 }), jetway.ValidationError);
    const session = sandbox.shell({ command: ["sh"] });
    await rejects(session.resize(-1, 5), jetway.ValidationError);
    await session.close();
  },
};
