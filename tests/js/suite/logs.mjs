// What the main command printed: read, followed, taken up again.
import { deepEqual, equal, match, ok, rejects } from "./assert.mjs";

const printing = (jetway, client, script) => jetway.Sandbox.run(["sh", "-c", script], { client });

export const logs = {
  "a followed log ends with the main command and stays readable": async ({ jetway, client }) => {
    const sandbox = printing(jetway, client, "echo one; sleep 0.3; echo two >&2; echo three");
    const lines = [];
    const log = sandbox.logs({ follow: true });
    equal(log.position, undefined);
    for await (const line of log) lines.push(line);
    deepEqual(lines, ["one", "two", "three"]);
    equal(log.position.offset, 14);
    equal(await sandbox.logs().text(), "one\ntwo\nthree\n");
    equal(await new Response(sandbox.logs().stream).text(), "one\ntwo\nthree\n");
    await sandbox.delete();
  },

  "a log goes on where an earlier stream was dropped": async ({ jetway, client }) => {
    const sandbox = printing(jetway, client, "echo one; until [ -e /tmp/go-on ]; do sleep 0.05; done; echo two");
    const log = sandbox.logs({ follow: true });
    let position;
    for await (const chunk of log.chunks()) {
      equal(new TextDecoder().decode(chunk.data), "one\n");
      ok(chunk.timestamp instanceof Date && Math.abs(Date.now() - chunk.timestamp.getTime()) < 600_000);
      ({ position } = chunk);
      break;
    }
    deepEqual(log.position, position);
    await sandbox.writeFile("/tmp/go-on", "");
    equal(await sandbox.logs({ follow: true, resume: position }).text(), "two\n");
    await rejects(sandbox.logs({ resume: { sessionId: "none", offset: 0 } }).text(), { reason: "SESSION_NOT_FOUND" });
    await sandbox.delete();
  },

  "tail, since and timestamps say what to begin with": async ({ jetway, client }) => {
    const sandbox = printing(jetway, client, "echo one; echo two; sleep 1.2; echo three");
    for await (const _ of sandbox.logs({ follow: true }));
    equal(await sandbox.logs({ tailLines: 2 }).text(), "two\nthree\n");
    const stamped = (await sandbox.logs({ timestamps: true }).text()).trimEnd().split("\n");
    for (const line of stamped) match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (one|two|three)$/);
    const [before, after] = [stamped[1], stamped[2]].map((line) => Date.parse(line.split(" ")[0]));
    const between = before + (after - before) / 2;
    equal(await sandbox.logs({ since: new Date(between) }).text(), "three\n");
    equal(await sandbox.logs({ since: between }).text(), "three\n");
    await rejects(sandbox.logs({ tailLines: 0 }).text(), jetway.ValidationError);
    await sandbox.delete();
  },

  "a followed log ends with its signal, and with its iteration": async ({ jetway, sandbox }) => {
    const stop = new AbortController();
    const reading = sandbox.logs({ follow: true, signal: stop.signal }).text();
    stop.abort(new Error("enough"));
    await rejects(reading, jetway.CancelledError);
    const log = sandbox.logs({ follow: true });
    log.cancel();
    await rejects(log.text(), jetway.CancelledError);
    await rejects(log.text(), TypeError);
  },
};
