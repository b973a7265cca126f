// Processes without input: results, streams, ends.
import { deepEqual, equal, match, ok, rejects, throws } from "./assert.mjs";

const bytesOf = (text) => new TextEncoder().encode(text);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const python = (code) => ["python3", "-uc", code];

export const exec = {
  "a result has the output by stream, the exit code and the duration": async ({ sandbox }) => {
    const result = await sandbox.exec(["sh", "-c", "echo out; echo err >&2; exit 3"]);
    equal(result.stdout, "out\n");
    equal(result.stderr, "err\n");
    deepEqual(result.stdoutBytes, bytesOf("out\n"));
    equal(result.exitCode, 3);
    equal(result.returncode, 3);
    equal(result.ok, false);
    equal(result.truncated, false);
    deepEqual(result.command, ["sh", "-c", "echo out; echo err >&2; exit 3"]);
    ok(result.durationMs > 0 && result.durationMs < 30_000);
    ok(Object.isFrozen(result));
  },

  "exec gives the process at once, and awaiting it gives the result": async ({ sandbox }) => {
    const process = sandbox.exec(["echo", "hi"]);
    equal(typeof process.then, "function");
    equal(process.exitCode, undefined);
    equal(process.poll(), undefined);
    const { stdout } = await process;
    equal(stdout, "hi\n");
    equal(process.exitCode, 0);
    equal(process.poll(), 0);
    equal(await process.wait(), 0);
    equal((await process.result()).stdout, "hi\n");
  },

  "lines arrive while the process runs": async ({ sandbox }) => {
    const process = sandbox.exec(python("import time\nfor i in range(5):\n  print('line', i); time.sleep(0.1)"));
    const arrivals = [];
    const lines = [];
    for await (const line of process) {
      lines.push(line);
      arrivals.push(performance.now());
    }
    deepEqual(lines, ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    ok(arrivals.at(-1) - arrivals[0] > 250, "the lines came together");
    equal((await process).exitCode, 0);
  },

  "lines of both outputs come as they are printed": async ({ sandbox }) => {
    const process = sandbox.exec(["sh", "-c", "echo 1; sleep 0.1; echo 2 >&2; sleep 0.1; echo 3"]);
    const lines = [];
    for await (const line of process.lines("all")) lines.push(line);
    deepEqual(lines, ["1", "2", "3"]);
  },

  "a last line without its end is a line, and \\r\\n is an end": async ({ sandbox }) => {
    const lines = [];
    for await (const line of sandbox.exec(["printf", "a\\r\\n\\nb"])) lines.push(line);
    deepEqual(lines, ["a", "", "b"]);
  },

  "the streams are the platform's own": async ({ sandbox }) => {
    const process = sandbox.exec(["sh", "-c", "echo out; echo err >&2"]);
    ok(process.stdout instanceof ReadableStream);
    equal(process.stdout, process.stdout);
    equal(await new Response(process.stdout).text(), "out\n");
    const reader = process.stderr.getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      ok(value instanceof Uint8Array);
      text += new TextDecoder().decode(value);
    }
    equal(text, "err\n");
    equal((await process).exitCode, 0);
  },

  "an output can be read after the end": async ({ sandbox }) => {
    const process = sandbox.exec(["echo", "late"]);
    equal((await process).stdout, "late\n");
    equal(await new Response(process.stdout).text(), "late\n");
    const other = sandbox.exec(["echo", "text"]);
    equal(await other.text(), "text\n");
  },

  "what is streamed is not collected": async ({ sandbox }) => {
    const process = sandbox.exec(["sh", "-c", "echo out; echo err >&2"]);
    equal(await process.text(), "out\n");
    const result = await process;
    equal(result.stdout, "");
    equal(result.stderr, "err\n");
  },

  "a character split across chunks survives": async ({ sandbox }) => {
    const code = "import os, time\nfor b in 'grün €uro 🚀\\n'.encode():\n  os.write(1, bytes([b])); time.sleep(0.01)";
    const process = sandbox.exec(python(code));
    const lines = [];
    for await (const line of process) lines.push(line);
    deepEqual(lines, ["grün €uro 🚀"]);
    equal((await sandbox.exec(python(code))).stdout, "grün €uro 🚀\n");
  },

  "bytes that are no text survive": async ({ sandbox }) => {
    const code = "import os, time\nos.write(1, b'a\\xff'); time.sleep(0.05); os.write(1, b'\\xc3'); time.sleep(0.05); os.write(1, b'z\\n')";
    const result = await sandbox.exec(python(code));
    deepEqual(result.stdoutBytes, new Uint8Array([0x61, 0xff, 0xc3, 0x7a, 0x0a]));
    equal(result.stdout, "a\ufffd\ufffdz\n");
  },

  "check makes a failure of a non-zero exit, with the result": async ({ sandbox, jetway }) => {
    const command = ["sh", "-c", "echo out; echo went wrong >&2; exit 7"];
    const error = await rejects(sandbox.exec(command, { check: true }), jetway.SandboxExecutionError);
    equal(error.code, "execution_error");
    equal(error.result.exitCode, 7);
    equal(error.result.stdout, "out\n");
    match(error.message, /sh exited with code 7: went wrong/);
    equal(await sandbox.exec(command, { check: true }).wait(), 7);
    equal((await sandbox.exec(["true"], { check: true })).ok, true);
  },

  "cwd and env reach the command, and are never shell text": async ({ sandbox }) => {
    await sandbox.exec(["mkdir", "-p", "/tmp/a b'; $(x)"]);
    const result = await sandbox.exec(["sh", "-c", "pwd; echo $GREETING"], {
      cwd: "/tmp/a b'; $(x)",
      env: { GREETING: "$HOME; `id`", LEFT_OUT: undefined },
    });
    equal(result.stdout, "/tmp/a b'; $(x)\n$HOME; `id`\n");
  },

  "output beyond its limit loses its middle and says so": async ({ sandbox }) => {
    const result = await sandbox.exec(["seq", "1", "100000"], { maxBufferBytes: 1000 });
    equal(result.truncated, true);
    equal(result.stdoutBytes.length, 1000);
    ok(result.stdout.startsWith("1\n2\n3\n"));
    ok(result.stdout.endsWith("99999\n100000\n"));
    equal((await sandbox.exec(["seq", "1", "100"], { maxBufferBytes: 1000 })).truncated, false);
  },

  "eight mebibytes arrive whole, streamed and collected": async ({ sandbox }) => {
    const code = "import sys\nfor i in range(128): sys.stdout.buffer.write(bytes([i]) * 65536)";
    const collected = await sandbox.exec(python(code));
    equal(collected.stdoutBytes.length, 8 * 1024 * 1024);
    const whole = (bytes) => bytes.every((byte, at) => byte === at >> 16);
    ok(whole(collected.stdoutBytes), "collected bytes are wrong");
    let at = 0;
    for await (const chunk of sandbox.exec(python(code)).stdout) {
      for (const byte of chunk) if (byte !== at++ >> 16) throw new Error(`wrong byte at ${at - 1}`);
    }
    equal(at, 8 * 1024 * 1024);
  },

  "what is held and not read holds the process": async ({ sandbox, page }) => {
    // Replaced, not rewritten: a reader must never meet a file that is empty for a moment.
    const code =
      "import os\nfor i in range(5000):\n  os.write(1, b'x' * 65536)\n  with open('/tmp/next', 'w') as file: file.write(str(i))\n  os.replace('/tmp/next', '/tmp/written')";
    const process = sandbox.exec(python(code));
    const reader = process.stdout.getReader();
    await reader.read();
    const written = async () => Number(await sandbox.readFile("/tmp/written", { encoding: "utf8" }));
    // What lies between fills up first; then it stands still.
    let before = -1;
    for (let now = 0; now === 0 || now !== before; now = await written()) {
      before = now;
      await sleep(500);
    }
    // 94 MiB; Chromium's own buffers, which no page can bound, were measured at 66 to 96 MiB by themselves.
    ok(before < (page ? 2400 : 1500), `the process wrote ${before} chunks that nobody read`);
    for (;;) if ((await reader.read()).done) break;
    equal((await process).exitCode, 0);
  },

  "leaving an iteration does not end the process": async ({ sandbox }) => {
    const process = sandbox.exec(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.05; done; exit 4"]);
    for await (const line of process) {
      equal(line, "1");
      break;
    }
    equal((await process).exitCode, 4);
  },

  "an output has one reader": async ({ sandbox }) => {
    const process = sandbox.exec(["echo", "x"]);
    const first = process.lines();
    await rejects(async () => process.lines().next(), TypeError);
    await first.next();
    await process;
  },

  "twenty processes run at the same time": async ({ sandbox }) => {
    // The first four wait for each other, which none could see if they ran one after the other. Any four: browsers have
    // six connections to a server of HTTP/1.1, and give them to whom they like.
    const meet = "mkdir -p /tmp/meet; touch /tmp/meet/$0; until [ $(ls /tmp/meet | wc -l) -ge 4 ]; do sleep 0.05; done; echo $0";
    await sandbox.exec(["rm", "-rf", "/tmp/meet"]);
    const all = Array.from({ length: 20 }, (_, i) => sandbox.exec(["sh", "-c", meet, String(i)]));
    const results = await Promise.all(all);
    deepEqual(results.map((result) => result.stdout.trim()), Array.from({ length: 20 }, (_, i) => String(i)));
  },

  "a limit on waiting does not end the process": async ({ sandbox, jetway }) => {
    const process = sandbox.exec(["sh", "-c", "sleep 0.4; echo done"]);
    const error = await rejects(process.wait({ timeoutMs: 50 }), jetway.SandboxWaitTimeoutError);
    match(error.message, /goes on/);
    equal((await process).stdout, "done\n");
  },

  "a command's timeout ends it and keeps what it printed": async ({ sandbox, jetway }) => {
    const process = sandbox.exec(["sh", "-c", "echo early; sleep 30"], { timeoutMs: 400 });
    const error = await rejects(process, jetway.SandboxCommandTimeoutError);
    equal(error.code, "command_timeout");
    equal(error.result.timedOut, true);
    equal(error.result.stdout, "early\n");
    equal((await sandbox.exec(["echo", "still fine"])).stdout, "still fine\n");
  },

  "a template is a shell line, and what is put in is words": async ({ sandbox }) => {
    const awkward = "it's $HOME; `id` \"x\" \\ *\n-n";
    equal((await sandbox.$`printf %s ${awkward}`).stdout, awkward);
    equal((await sandbox.$`printf '%s|' ${["a b", "", 3, "*"]} | cat`).stdout, "a b||3|*|");
    equal((await sandbox.$`echo ${[]}end`).stdout, "end\n");
    equal((await sandbox.$({ cwd: "/tmp", env: { X: "1" } })`pwd; echo $X`).stdout, "/tmp\n1\n");
    await rejects(sandbox.$({ check: true })`exit ${3}`, { code: "execution_error" });
    for (const wrong of [null, undefined, {}, "a\0b"]) throws(() => sandbox.$`echo ${wrong}`, TypeError);
    throws(() => sandbox.$({ cdw: "/" }), TypeError);
  },

  "input that is known goes in, also where nothing can be sent to a running process": async ({ sandbox }) => {
    equal((await sandbox.exec(["wc", "-c"], { input: "12345" })).stdout.trim(), "5");
    equal((await sandbox.exec(["sh", "-c", "pwd; cat"], { input: new Blob(["blob"]), cwd: "/usr" })).stdout, "/usr\nblob");
    const large = async function* () { for (let i = 0; i < 9; i++) yield new Uint8Array(1024 * 1024); };
    equal((await sandbox.exec(["wc", "-c"], { input: large() })).stdout.trim(), String(9 * 1024 * 1024));
    equal((await sandbox.exec(["sh", "-c", "ls -a /tmp | grep -c jetway-input"])).stdout.trim(), "0");
  },

  "kill sends a signal to the process and its children": async ({ sandbox }) => {
    const trapped = sandbox.exec(["sh", "-c", "trap 'echo got it; exit 9' USR1; echo up; while :; do sleep 0.05; done"]);
    const lines = trapped.lines();
    equal((await lines.next()).value, "up");
    equal(await trapped.kill("SIGUSR1"), true);
    equal((await lines.next()).value, "got it");
    equal((await trapped).exitCode, 9);
    equal(await trapped.kill("TERM"), false);
    const plain = sandbox.exec(["sleep", "30"]);
    await sleep(200);
    await rejects(plain.kill("; reboot"), { code: "validation_error" });
    equal(await plain.kill("TERM"), true);
    equal((await plain).exitCode, 143);
  },

  "cancel ends the process everywhere": async ({ sandbox, jetway }) => {
    const process = sandbox.exec(["sh", "-c", "echo started; sleep 31.75"]);
    const lines = process.lines();
    await lines.next();
    process.cancel(new Error("no longer needed"));
    const error = await rejects(process, jetway.CancelledError);
    equal(error.cause.message, "no longer needed");
    await sleep(300);
    const left = await sandbox.exec(["sh", "-c", "grep -l '31[.]75' /proc/[0-9]*/cmdline 2>/dev/null | wc -l"]);
    equal(left.stdout.trim(), "0", "processes left:");
  },
};
