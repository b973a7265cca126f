// Waiting for several things at once.
import { deepEqual, equal, ok, rejects } from "./assert.mjs";

const never = () => new Promise(() => {});

export const waiting = {
  "results come in the order of what was asked": async ({ jetway, sandbox }) => {
    const later = sandbox.exec(["sh", "-c", "sleep 0.2; echo later"]);
    const [first, second] = await jetway.results([later, sandbox.exec(["echo", "sooner"])]);
    deepEqual([first.stdout, second.stdout], ["later\n", "sooner\n"]);
    equal((await jetway.results(later)).stdout, "later\n");
    equal(await jetway.result(Promise.resolve(5)), 5);
    deepEqual(await jetway.get(new Set([Promise.resolve(1), 2])), [1, 2]);
    await rejects(jetway.results([Promise.reject(new RangeError("no")), never()]), RangeError);
  },

  "the first few that are done, whatever they are": async ({ jetway, client, sandbox }) => {
    const started = jetway.Sandbox.run({ client });
    const quick = sandbox.exec(["true"]);
    const failed = Promise.reject(new RangeError("no"));
    failed.catch(() => {});
    const pending = never();
    const [done, rest] = await jetway.wait([pending, started, quick, failed], { numReturns: 3 });
    deepEqual(done.map((it) => [started, quick, failed].indexOf(it)), [0, 1, 2]);
    deepEqual(rest.map((it) => it === pending), [true]);
    equal(started.status, "running");
    equal(quick.exitCode, 0);
    await started.delete();
    const [one, others] = await jetway.wait([Promise.resolve(1), Promise.resolve(2), Promise.resolve(3)], { numReturns: 1 });
    deepEqual([one.length, others.length], [1, 2]);
    deepEqual(await jetway.wait([]), [[], []]);
  },

  "a limit ends the waiting and not the work": async ({ jetway, sandbox, unhandled }) => {
    const slow = sandbox.exec(["sh", "-c", "read x; echo done"], { stdin: true });
    const [done, pending] = await jetway.wait([slow], { timeoutMs: 50 });
    deepEqual([done.length, pending.length], [0, 1]);
    await slow.writeLine("go");
    equal((await slow).stdout, "done\n");
    const stop = new AbortController();
    const waited = jetway.wait([never()], { signal: stop.signal });
    stop.abort(new Error("enough"));
    equal((await rejects(waited, { code: "cancelled" })).cause.message, "enough");
    await rejects(jetway.wait([never()], { numReturns: 0 }), RangeError);
    await rejects(jetway.wait([never()], { numReturn: 1 }), TypeError);
    ok(unhandled().length === 0, String(unhandled()));
  },
};
