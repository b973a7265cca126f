// Processes that take input, on every rung of the ladder that can carry it.
import { deepEqual, equal, ok, rejects, throws } from "./assert.mjs";
import { standstill } from "./standstill.mjs";

export const stdin = {
  "a dialogue: asked three times, answered three times, then the end": async ({ sandbox, duplex }) => {
    const code = "import sys\nfor i in range(3):\n  print('name?', flush=True); print('hello', input(), flush=True)\nprint('rest', repr(sys.stdin.read()))";
    const process = sandbox.exec(["python3", "-uc", code], { stdin: true });
    const lines = process.lines();
    for (const name of ["Ada", "Grace", "Edsger"]) {
      equal((await lines.next()).value, "name?");
      await process.writeLine(name);
      equal((await lines.next()).value, `hello ${name}`);
    }
    await process.closeStdin();
    equal((await lines.next()).value, "rest ''");
    equal((await process).exitCode, 0);
    equal(process.stdinClosed, true);
    if (duplex) equal(process.transport, duplex);
  },

  "stdin is the platform's own stream and takes text and bytes": async ({ sandbox }) => {
    const process = sandbox.exec(["cat"], { stdin: true });
    ok(process.stdin instanceof WritableStream);
    const writer = process.stdin.getWriter();
    await writer.write("grün ");
    await writer.write(new TextEncoder().encode("bytes\n"));
    await writer.close();
    equal((await process).stdout, "grün bytes\n");
  },

  "input is text, bytes, a Blob, or anything that can be iterated": async ({ sandbox }) => {
    const count = async (input) => (await sandbox.exec(["wc", "-c"], { input })).stdout.trim();
    equal(await count("12345"), "5");
    equal(await count(new Uint8Array(70_000)), "70000");
    equal(await count(new Blob(["ab", "cd"])), "4");
    equal(await count(new Blob(["stream"]).stream()), "6");
    equal(await count((async function* () { yield "a"; yield new Uint8Array(2); })()), "3");
    equal(await count(""), "0");
  },

  "two mebibytes go in and come back": async ({ sandbox }) => {
    const input = new Uint8Array(2 * 1024 * 1024).map((_, at) => (at * 7) % 251);
    const result = await sandbox.exec(["cat"], { input });
    equal(result.stdoutBytes.length, input.length);
    ok(result.stdoutBytes.every((byte, at) => byte === input[at]), "the bytes changed");
  },

  "a process whose output is held is held with little under way, and goes on": async ({ sandbox, duplex }) => {
    const chunks = 700;
    const place = `/tmp/held-${duplex}`;
    const code = `import os\nfor i in range(${chunks}):\n  os.write(1, b'x' * 65536)\n  with open('${place}.next', 'w') as file: file.write(str(i))\n  os.replace('${place}.next', '${place}')`;
    const process = sandbox.exec(["python3", "-uc", code], { stdin: true });
    const reader = process.stdout.getReader();
    let length = (await reader.read()).value.length;
    const written = (await standstill(async () => Number(await sandbox.readFile(place, { encoding: "utf8" })))) * 65536;
    // What was asked to be under way is 4 MiB on a socket and 8 on HTTP/2; a fetch has what the kernel buffers.
    const most = duplex === "websocket" ? 10 : duplex === "http2" ? 16 : 36;
    ok(written < most * 1024 * 1024, `the process wrote ${written} bytes that nobody read`);
    for (let step = await reader.read(); !step.done; step = await reader.read()) length += step.value.length;
    equal(length, chunks * 65536);
    equal((await process).exitCode, 0);
  },

  "input to a process that does not read it is held, and all of it arrives": async ({ sandbox, duplex }) => {
    // A fetch has what the kernel buffers of a connection, at both ends.
    const total = (duplex === "duplex" ? 40 : 8) * 1024 * 1024;
    const code = "import os, sys, time\nwhile not os.path.exists('/tmp/read-now'): time.sleep(0.02)\nprint(len(sys.stdin.buffer.read()))";
    const process = sandbox.exec(["python3", "-uc", code], { stdin: true });
    let written = 0;
    const writing = (async () => {
      for (; written < total; written += 65536) await process.write(new Uint8Array(65536));
      await process.closeStdin();
    })();
    const standing = await standstill(async () => written);
    ok(standing > 0 && standing < total, `${standing} of ${total} bytes went to a process that reads nothing`);
    await sandbox.writeFile("/tmp/read-now", "");
    await writing;
    equal((await process).stdout, `${total}\n`);
    await sandbox.exec(["rm", "/tmp/read-now"]);
  },

  "without stdin a command reads its end": async ({ sandbox }) => {
    const process = sandbox.exec(["cat"]);
    equal(process.stdin, undefined);
    equal(process.stdinClosed, true);
    throws(() => process.write("x"), TypeError);
    throws(() => process.closeStdin(), TypeError);
    equal((await process).stdout, "");
  },

  "what is written after the end is dropped": async ({ sandbox }) => {
    const process = sandbox.exec(["true"], { stdin: true });
    equal((await process).exitCode, 0);
    await process.write("too late");
    await process.closeStdin();
    await rejects(process.write("after closing"), TypeError);
  },

  "one process feeds another": async ({ sandbox }) => {
    const sorted = sandbox.exec(["printf", "b\\na\\nc\\n"]).pipe(sandbox.exec(["sort"], { stdin: true }));
    equal((await sorted).stdout, "a\nb\nc\n");
    throws(() => sandbox.exec(["true"]).pipe(sandbox.exec(["true"])), TypeError);
  },

  "many dialogues at once do not mix": async ({ sandbox }) => {
    const talks = Array.from({ length: 6 }, async (_, i) => {
      const process = sandbox.exec(["cat"], { stdin: true });
      const lines = process.lines();
      const heard = [];
      for (let turn = 0; turn < 5; turn++) {
        await process.writeLine(`${i}.${turn}`);
        heard.push((await lines.next()).value);
      }
      await process.closeStdin();
      await process;
      return heard;
    });
    deepEqual(await Promise.all(talks), Array.from({ length: 6 }, (_, i) => Array.from({ length: 5 }, (_, turn) => `${i}.${turn}`)));
  },
};
