// Processes that take input, on every rung of the ladder that can carry it.
import { deepEqual, equal, ok, rejects, throws } from "./assert.mjs";

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
