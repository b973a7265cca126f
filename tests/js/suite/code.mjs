// Code contexts: state, results, errors as data, interrupts, what survives. The names are those of tests/behaviour/code.rs.
import { deepEqual, equal, match, ok, rejects, throws } from "./assert.mjs";

const ENDLESS = { python: "while True: pass", javascript: "while (true);" };
const LANGUAGES = Object.keys(ENDLESS);

export const code = {
  "a variable is remembered by the next call and by another client": async ({ jetway, client, sandbox }) => {
    for (const language of LANGUAGES) {
      const context = await sandbox.code.createContext({ language });
      await context.run("x = 42");
      const again = await sandbox.runCode("x + 1", { context });
      equal(again.text, "43");
      equal(again.results[0].json, 43);
      equal(again.executionCount, 2);
      const other = await jetway.Sandbox.fromId(sandbox.sandboxId, { client });
      equal((await other.runCode("x", { context: context.id })).text, "42");
      const listed = (await sandbox.code.list()).find(({ id }) => id === context.id);
      equal(listed.alive, true);
      equal(listed.language, language);
      ok(Math.abs(listed.startedAt - Date.now()) < 600_000);
      await context.delete();
    }
  },

  "the default context needs nothing but code": async ({ sandbox }) => {
    await sandbox.runCode("import sys; x = 42");
    const printed = await sandbox.runCode("print(x); print('no', file=sys.stderr)");
    equal(printed.stdout, "42\n");
    equal(printed.stderr, "no\n");
    equal(printed.status, "ok");
    equal(printed.error, null);
    equal(printed.restarted, false);
    const script = await sandbox.runCode("let y = [1, 2]; y.map((it) => it * 2)", { language: "js" });
    deepEqual(script.results[0].json, [2, 4]);
    ok(Object.isFrozen(script) && Object.isFrozen(script.results));
  },

  "output and results arrive while the code runs": async ({ sandbox }) => {
    const seen = [];
    const at = (what) => seen.push([what, performance.now()]);
    const result = await sandbox.runCode("import time\nprint('ä')\ntime.sleep(0.3)\ndisplay(7)\ntime.sleep(0.3)\n'end'", {
      onStdout: at,
      onResult: (it) => at(it.text),
    });
    deepEqual(seen.map(([what]) => what), ["ä\n", "7", "'end'"]);
    ok(seen[2][1] - seen[0][1] > 400, "they came together");
    equal(result.stdout, "ä\n");
    equal(result.text, "'end'");
    await rejects(sandbox.runCode("print(1)", { onStdout: () => { throw new RangeError("mine"); } }), RangeError);
  },

  "an exception is data and its traceback shows the code only": async ({ sandbox }) => {
    const failed = await sandbox.runCode("def f():\n    return 1 / 0\nf()");
    equal(failed.status, "error");
    equal(failed.error.name, "ZeroDivisionError");
    match(failed.error.traceback, /return 1 \/ 0/);
    ok(!failed.error.traceback.includes("driver.py"));
    const script = await sandbox.runCode("function f() { null.x }\nf()", { language: "javascript" });
    equal(script.error.name, "TypeError");
    match(script.error.traceback, /cell-\d+\.js:1/);
    equal((await sandbox.runCode("def f(:")).error.name, "SyntaxError");
    equal((await sandbox.runCode(new Uint8Array([39, 255, 39]))).error.name, "SyntaxError");
  },

  "a timeout and an interrupt leave the state": async ({ sandbox }) => {
    for (const language of LANGUAGES) {
      const context = await sandbox.code.createContext({ language });
      await context.run("x = 42");
      const late = await context.run(ENDLESS[language], { timeoutMs: 300 });
      equal(late.timedOut, true);
      equal(late.error.name, "TimeoutError");
      const running = context.run(ENDLESS[language]);
      await new Promise((done) => setTimeout(done, 200));
      await context.interrupt();
      equal((await running).status, "interrupted");
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 200);
      await rejects(context.run(ENDLESS[language], { signal: stop.signal }), { code: "cancelled" });
      const after = await context.run("x");
      equal(after.text, "42");
      equal(after.restarted, false);
    }
  },

  "output without end is cut off by the limit, and the state stays": async ({ sandbox }) => {
    const endless = { python: "while True: print('y' * 1000)", javascript: "for (;;) console.log('y'.repeat(1000))" };
    for (const language of LANGUAGES) {
      const context = await sandbox.code.createContext({ language });
      await context.run("x = 42");
      let told = 0;
      const late = await context.run(endless[language], { timeoutMs: 500, onStdout: (text) => (told += text.length) });
      deepEqual([late.status, late.error.name], ["timeout", "TimeoutError"]);
      ok(told > 0 && late.stdout.length <= 64 << 20, `${told} characters told, ${late.stdout.length} kept`);
      ok(late.stdout.startsWith("y".repeat(1000)));
      equal((await context.run("x")).text, "42");
      await context.delete();
    }
  },

  "an interpreter that ends is reported and replaced": async ({ sandbox }) => {
    const ends = { python: "print('bye')\nimport os; os._exit(3)", javascript: "console.log('bye'); process.exit(3)" };
    for (const language of LANGUAGES) {
      const context = await sandbox.code.createContext({ language });
      await context.run("x = 42");
      const ended = await context.run(ends[language]);
      equal(ended.status, "exited");
      equal(ended.restarted, true);
      equal(ended.stdout, "bye\n");
      match(ended.error.value, /exited with code 3/);
      match((await context.run("x")).error.value, /not defined/);
      await context.restart();
      equal((await context.run("1")).executionCount, 1);
    }
  },

  "a million lines arrive complete and in order": async ({ sandbox }) => {
    const { stdout, truncated } = await sandbox.runCode("for i in range(10**6): print('%062d' % i)");
    equal(truncated, false);
    equal(stdout.length, 63_000_000);
    for (const line of [0, 1, 499_999, 999_999]) equal(stdout.slice(line * 63, line * 63 + 63), `${String(line).padStart(62, "0")}\n`);
    let sum = 0;
    for (let at = 0; at < stdout.length; at += 63) sum += Number(stdout.slice(at + 50, at + 62));
    equal(sum, (999_999 * 1_000_000) / 2);
  },

  "a run outlives its relay and loses nothing": async ({ sandbox }) => {
    const context = await sandbox.code.createContext();
    const running = context.run("import time\nfor i in range(150): print(i, flush=True); time.sleep(0.01)\n'end'");
    for (let i = 0; i < 2; i += 1) {
      await new Promise((done) => setTimeout(done, 400));
      const relays = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | grep -q \"driver.py attach.*$0\" && kill -9 ${p#/proc/}; done; true";
      await sandbox.exec(["sh", "-c", relays, context.id]);
    }
    const { stdout, text, status } = await running;
    equal(stdout, Array.from({ length: 150 }, (_, i) => `${i}\n`).join(""));
    equal(text, "'end'");
    equal(status, "ok");
  },

  "a deleted driver is put back": async ({ jetway, client, sandbox }) => {
    await sandbox.runCode("x = 42");
    await sandbox.exec(["sh", "-c", "rm /tmp/.jetway/*/driver.py"]);
    const other = await jetway.Sandbox.fromId(sandbox.sandboxId, { client });
    equal((await other.runCode("x")).text, "42");
  },

  "a source of 10 MB runs and a large result arrives whole": async ({ sandbox }) => {
    equal((await sandbox.runCode(`text = '${"x".repeat(10_000_000)}'\nlen(text)`)).text, "10000000");
    const picture = "class Picture:\n    def _repr_png_(self): return bytes(range(256)) * 8192\nPicture()";
    const { png, data } = (await sandbox.runCode(picture)).results[0];
    equal(png.length, 2 << 20);
    ok(png.every((byte, at) => byte === at % 256));
    equal(data["image/png"], png);
  },

  "contexts stand side by side and a deleted one is named": async ({ sandbox }) => {
    const here = await sandbox.code.createContext({ cwd: "/tmp", env: { WHO: "here" } });
    const there = await sandbox.code.createContext({ language: "node", cwd: "/usr", env: { WHO: "there" } });
    equal((await here.run("import os; [os.getcwd(), os.environ['WHO']]")).text, "['/tmp', 'here']");
    equal((await there.run("[process.cwd(), process.env.WHO]")).text, "[ '/usr', 'there' ]");
    await here.delete();
    await rejects(here.run("1"), { code: "execution_error", reason: "CODE_CONTEXT_NOT_FOUND" });
    await rejects(sandbox.runCode("1", { context: here.id }), { reason: "CODE_CONTEXT_NOT_FOUND" });
    await rejects(sandbox.runCode("1", { context: "python/../etc" }), { code: "validation_error" });
    await rejects(there.run("1", { timeoutMs: 0 }), { code: "validation_error" });
    await rejects(sandbox.runCode("1", { language: "cobol" }), { code: "validation_error" });
    await rejects(sandbox.runCode("1", { timeout: 5 }), TypeError);
    await rejects(sandbox.runCode(5), TypeError);
    throws(() => sandbox.code.context(5), TypeError);
  },

  "a shell keeps its directory and its variables, and an exit code is data": async ({ sandbox }) => {
    await sandbox.runCode("cd /usr; x='a b'", { language: "bash" });
    const kept = await sandbox.runCode("pwd; echo $x", { language: "sh" });
    deepEqual([kept.stdout, kept.error, kept.status], ["/usr\na b\n", null, "ok"]);
    const failed = await sandbox.runCode("false", { language: "bash" });
    deepEqual([failed.status, failed.error.name, failed.error.value], ["error", "ExitStatus", "1"]);
    const late = await sandbox.runCode("sleep 1000", { language: "bash", timeoutMs: 300 });
    deepEqual([late.status, (await sandbox.runCode("echo $x", { language: "bash" })).stdout], ["timeout", "a b\n"]);
  },

  "a command runs by shell or as an array": async ({ sandbox }) => {
    equal((await sandbox.runCommand("echo $((1 + 1)) | tr 2 3")).stdout, "3\n");
    equal((await sandbox.runCommand(["echo", "$((1 + 1))"])).stdout, "$((1 + 1))\n");
    equal((await sandbox.runCommand("exit 3")).exitCode, 3);
  },
};
