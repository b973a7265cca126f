// Remote functions: what travels, what is refused before anything is sent, what comes back when it fails.
import { deepEqual, equal, match, ok, rejects, throws } from "./assert.mjs";

export const functions = {
  "a function runs in the sandbox and its value comes back": async ({ sandbox }) => {
    const add = sandbox.function((x, y) => x + y);
    equal(await add(2, 3), 5);
    equal(await add.remote("a", "b"), "ab");
    equal(add.local(2, 3), 5);
    const where = sandbox.function(async function where() {
      const { hostname } = await import("node:os");
      return { pid: process.pid, host: hostname(), required: require("node:path").join("a", "b") };
    });
    const told = await where();
    equal(typeof told.pid, "number");
    equal(told.host, (await sandbox.exec(["hostname"])).stdout.trim());
    equal(told.required, "a/b");
    equal(await sandbox.function(() => {})(), undefined);
  },

  "every way to write a function travels": async ({ sandbox }) => {
    const of = {
      method(x) {
        return x + 1;
      },
      async later(x) {
        return x + 1;
      },
      ["computed name"](x) {
        return x + 1;
      },
      arrow: (x) => x + 1,
      block: async (x) => {
        return x + 1;
      },
      expression: function (x) {
        return x + 1;
      },
      object: (x) => ({ x: x + 1 }).x,
      defaults: ({ x } = { x: 5 }, ...rest) => (x ?? 1) + rest.length,
    };
    for (const [name, fn] of Object.entries(of)) equal(await sandbox.function(fn)(name === "defaults" ? { x: 2 } : 1), 2, name);
    const fact = (n) => (n <= 1 ? 1 : n * fact(n - 1));
    equal(await sandbox.function(fact)(5), 120);
    equal(await sandbox.function({ fetch: () => typeof fetch }.fetch)(), "function");
  },

  "what it refers to is found before anything is sent": async ({ jetway, sandbox }) => {
    const factor = 3;
    const offset = 1;
    const scale = (x) => x * factor + offset;
    const error = await rejects(sandbox.function(scale)(1), { code: "function_serialization_error" });
    ok(error instanceof jetway.FunctionError);
    match(error.message, /scale refers to `factor`, `offset`, which the sandbox does not have/);
    match(error.hint, /bind: \{ factor, offset \}/);
    equal(await sandbox.function(scale, { bind: { factor, offset } })(2), 7);
    // Shadowed, declared, asked about, or the host's: nothing to bind.
    const inner = (items) => {
      const factor = typeof nowhere === "undefined" ? 2 : 0;
      return items.map((offset) => offset * factor + new URL("a:1").pathname.length);
    };
    deepEqual(await sandbox.function(inner)([1, 2]), [3, 5]);
    await rejects(sandbox.function(() => document.title)(), { message: /`document`/ });
    // A client that reaches nothing: the error comes from here.
    const nowhere = jetway.Sandbox.run({ client: new jetway.Client({ baseUrl: "http://127.0.0.1:9", auth: "none" }) });
    await rejects(nowhere.function(scale)(1), { code: "function_serialization_error" });
  },

  "functions and classes are bound by their source": async ({ sandbox }) => {
    const unit = 10;
    const tens = (x) => x * unit;
    class Pair {
      constructor(a) {
        this.a = a;
      }
      sum() {
        return this.a + tens(this.a);
      }
    }
    const both = (a) => new Pair(a).sum();
    equal(await sandbox.function(both, { bind: { Pair, tens, unit } })(1), 11);
    await rejects(sandbox.function(both, { bind: { Pair, tens } })(1), { message: /bind\.tens refers to `unit`/ });
    await rejects(sandbox.function(both, { bind: { Pair: { Pair }, tens, unit } })(1), { message: /bind\.Pair\.Pair: a value of type function cannot be sent/ });
  },

  "what has no source, or stays here, is refused": async ({ sandbox }) => {
    const refused = async (fn, message) => rejects(sandbox.function(fn)(), { code: "function_serialization_error", message });
    await refused(Math.max, /max has no source/);
    await refused(((x) => x).bind(null), /has no source/);
    await refused(class A {}, /is a class/);
    await refused(function* numbers() {}, /is a generator/);
    await refused(() => this, /uses `this`/);
    await refused({ m() { return super.toString(); } }.m, /uses `super`/);
    await rejects(sandbox.function("x => x")(), TypeError);
    await rejects(sandbox.function(() => 1, { bind: { "a-b": 1 } })(), TypeError);
    throws(() => sandbox.function(() => 1, { bnd: {} }), TypeError);
    await rejects(sandbox.function(() => 1, { serialization: "pickle" })(), { code: "validation_error" });
  },

  "plain values travel unchanged or not at all": async ({ sandbox }) => {
    const same = sandbox.function((value) => value);
    const plain = { text: "ä \u2028 </script> \ud83d\ude80", list: [1, null, true, -1.5e300], deep: { empty: {}, none: [] } };
    deepEqual(await same(plain), plain);
    deepEqual(await same({ gone: undefined, here: 1 }), { here: 1 });
    for (const [value, path] of [
      [{ when: new Date(0) }, /arguments\[0\]\.when: an instance of Date/],
      [[1, NaN], /arguments\[0\]\[1\]: NaN/],
      [{ "a b": 1n }, /arguments\[0\]\["a b"\]: a value of type bigint/],
      [new Map(), /an instance of Map/],
      [undefined, /arguments\[0\]: a value of type undefined/],
    ]) {
      const error = await rejects(same(value), { code: "function_serialization_error", message: path });
      match(error.hint, /structured/);
    }
    const cycle = {};
    cycle.self = cycle;
    await rejects(same(cycle), { message: /arguments\[0\]\.self: a cycle/ });
    await rejects(sandbox.function(() => ({ at: [new Map()] }))(), {
      code: "function_serialization_error",
      message: /returned what cannot be sent: result\.at\[0\]: an instance of Map/,
    });
  },

  "structured values keep their types": async ({ sandbox }) => {
    const kinds = sandbox.function((value) => ({ kind: Object.prototype.toString.call(value), value }), { serialization: "structured" });
    const bytes = new Uint8Array([1, 2, 255]);
    const rows = { map: new Map([[{ k: 1 }, new Set([1])]]), set: new Set(["a"]), date: new Date(5), big: 12n ** 20n, bytes, none: undefined, not: NaN, zero: -0 };
    for (const [name, value] of Object.entries(rows)) {
      const got = await kinds(value);
      equal(got.kind, Object.prototype.toString.call(value), name);
      equal(Object.prototype.toString.call(got.value), got.kind, name);
    }
    equal((await kinds(rows.big)).value, rows.big);
    deepEqual([...(await kinds(bytes)).value], [1, 2, 255]);
    equal([...(await kinds(rows.map)).value][0][1].has(1), true);
    const cycle = { name: "round" };
    cycle.self = cycle;
    const round = (await kinds(cycle)).value;
    equal(round.self, round);
    const error = (await kinds(Object.assign(new RangeError("far", { cause: "wide" }), { by: 3 }))).value;
    ok(error instanceof RangeError && error.message === "far" && error.cause === "wide" && error.by === 3);
    await rejects(kinds({ act() {} }), { code: "function_serialization_error", message: /arguments\[0\]\.act: a function/ });
    await rejects(sandbox.function(() => Symbol("s"), { serialization: "structured" })(), { message: /result: a symbol/ });
    const bound = sandbox.function((key) => table.get(key), { serialization: "structured", bind: { table: new Map([["a", 1n]]) } });
    equal(await bound("a"), 1n);
  },

  "what it throws comes back with its name, message and stack": async ({ jetway, sandbox }) => {
    const check = (age) => {
      if (age < 0) {
        throw new RangeError(`age ${age} is not one`);
      }
      return age;
    };
    const outer = async (age) => {
      console.log("about to check");
      return check(age);
    };
    const error = await rejects(sandbox.function(outer, { bind: { check } })(-1), { code: "execution_error" });
    ok(error instanceof jetway.SandboxExecutionError);
    equal(error.exceptionType, "RangeError");
    equal(error.exceptionMessage, "age -1 is not one");
    equal(error.message, "outer: RangeError: age -1 is not one");
    match(error.remoteStack, /^RangeError: age -1 is not one\n\s+at check \(check:3:\d+\)\n\s+at (async )?outer \(outer:3:\d+\)/);
    ok(!/run\.mjs|node:internal|sandbox_payload/.test(error.remoteStack), error.remoteStack);
    ok(error.stack.includes(error.remoteStack));
    equal(error.result.stdout, "about to check\n");
    equal((await rejects(sandbox.function(() => { throw "a word"; })(), { exceptionType: "string" })).exceptionMessage, "a word");
    const died = await rejects(sandbox.function(() => process.exit(3))(), { code: "execution_error", message: /exit code 3 before it returned/ });
    equal(died.result.exitCode, 3);
    await rejects(sandbox.function(() => process.exit(0))(), { message: /exit code 0 before it returned/ });
  },

  "map keeps the order and runs no more at once than it may": async ({ sandbox }) => {
    const id = crypto.randomUUID();
    // Each notes that it is there, looks who else is, and says the most it saw.
    const meet = sandbox.function(
      async (item, wait) => {
        const { mkdir, readdir, rm } = await import("node:fs/promises");
        const here = `/tmp/${id}/${item}`;
        await mkdir(here, { recursive: true });
        let most = 0;
        for (let i = 0; i < 5; i += 1) {
          most = Math.max(most, (await readdir(`/tmp/${id}`)).length);
          await new Promise((done) => setTimeout(done, wait));
        }
        await rm(here, { recursive: true });
        return { item, most };
      },
      { bind: { id } },
    );
    const found = await Promise.all(meet.map([["c", 20], ["a", 1], ["b", 1], ["d", 1]], { concurrency: 2 }));
    deepEqual(found.map(({ item }) => item), ["c", "a", "b", "d"]);
    ok(found.every(({ most }) => most <= 2), JSON.stringify(found));
    throws(() => meet.map([1]), TypeError);
    throws(() => meet.map([[1]], { concurrency: 0 }), RangeError);
    const half = sandbox.function((x) => (x % 2 ? x : null.x)).map([[1], [2], [3]]);
    const [one, two, three] = await Promise.allSettled(half);
    deepEqual([one.value, two.reason.exceptionType, three.value], [1, "TypeError", 3]);
  },

  "an aborted map starts nothing more": async ({ sandbox }) => {
    const stop = new AbortController();
    const slow = sandbox.function((ms) => new Promise((done) => setTimeout(done, ms)));
    const calls = slow.map([[60_000], [1], [1]], { concurrency: 1, signal: stop.signal });
    stop.abort(new Error("enough"));
    for (const call of calls) equal((await rejects(call, { code: "cancelled" })).cause?.message, "enough");
  },

  "limits, places and output are options": async ({ sandbox }) => {
    const text = [];
    const options = { cwd: "/usr", env: { WHO: "me" }, onStdout: (part) => text.push(part) };
    const where = sandbox.function(() => (console.log("hello"), [process.cwd(), process.env.WHO]), options);
    deepEqual(await where(), ["/usr", "me"]);
    equal(text.join(""), "hello\n");
    deepEqual(await where.withOptions({ cwd: "/tmp" })(), ["/tmp", "me"]);
    const endless = sandbox.function(() => { for (;;); }, { timeoutMs: 1000 });
    await rejects(endless(), { code: "command_timeout" });
    await rejects(sandbox.function(() => 1, { env: { PATH: "/nowhere" } })(), { code: "function_error", hint: /node:22/ });
  },

  "nothing is left in the sandbox": async ({ sandbox }) => {
    await sandbox.function((x) => x)(1);
    await sandbox.python("def f(): pass")();
    const { stdout } = await sandbox.exec(["sh", "-c", "ls -d /tmp/sandbox_payload_* 2>/dev/null; true"]);
    equal(stdout, "");
  },

  "a Python function is called from JavaScript": async ({ sandbox }) => {
    const add = sandbox.python("import math\n\ndef helper(x):\n    return math.floor(x)\n\ndef add(x, y=2):\n    return {'sum': helper(x) + y, 'list': [None, True, 'ä']}\n");
    deepEqual(await add(1.5), { sum: 3, list: [null, true, "ä"] });
    deepEqual((await Promise.all(add.map([[1, 1], [2, 2]]))).map(({ sum }) => sum), [2, 4]);
    const word = "it's \"quoted\"\n";
    const told = sandbox.python`
async def told(key):
    return ${{ word, list: [1, null, true] }}[key]
`;
    equal(await told("word"), word);
    deepEqual(await told("list"), [1, null, true]);
    equal(await sandbox.python("def f(): return factor * 2", { bind: { factor: 4 } })(), 8);
    throws(() => add.local(1), TypeError);
  },

  "a Python exception comes back with its traceback": async ({ sandbox }) => {
    const divide = sandbox.python("def divide(a, b):\n    return a / b\n");
    const error = await rejects(divide(1, 0), { code: "execution_error" });
    equal(error.exceptionType, "ZeroDivisionError");
    equal(error.exceptionMessage, "division by zero");
    match(error.remoteStack, /line 2, in divide\n\s+return a \/ b/);
    ok(!error.remoteStack.includes("run.py"), error.remoteStack);
    await rejects(sandbox.python("def f(): return {1, 2}")(), { code: "function_serialization_error", message: /result: a set/ });
    await rejects(sandbox.python("x = 1")(), { code: "function_serialization_error", message: /defines no function/ });
    await rejects(sandbox.python("def f(:\n  pass")(), { exceptionType: "SyntaxError" });
    await rejects(sandbox.python("def f(): pass", { serialization: "structured" })(), { code: "validation_error" });
  },

  "a session's function has a sandbox of its own for each call": async ({ jetway, client }) => {
    const tag = `f${crypto.randomUUID()}`;
    const session = new jetway.Session({ tags: [tag], env: { SHAPE: "round" }, tempDir: "/tmp/elsewhere" }, { client });
    const where = session.function(
      async (item) => [item, process.env.SHAPE, process.env.COLOUR, process.argv[1].split("/sandbox_payload_")[0]],
      { env: { COLOUR: "green" }, tags: ["call"] },
    );
    const [one, two] = await Promise.all(where.map([[1], [2]]));
    deepEqual([one[0], two[0]], [1, 2]);
    deepEqual(one.slice(1), ["round", "green", "/tmp/elsewhere"]);
    equal(session.sandboxCount, 0);
    deepEqual(await jetway.Sandbox.list({ client, tags: [tag] }), []);
    const ended = await jetway.Sandbox.list({ client, tags: [tag, "call"], showTerminated: true });
    equal(ended.length, 2);
    match(ended[0].image, /^node:/);
    equal(await session.python`def f(a): return a + ${1}`(1), 2);
    equal(session.metrics().sandboxesCreated, 3);
    await session.close();
    await rejects(where(3), jetway.SandboxError);
  },

  "a session's function that fails, or is aborted, leaves no sandbox": async ({ jetway, client }) => {
    const tag = `f${crypto.randomUUID()}`;
    const session = new jetway.Session({ tags: [tag] }, { client });
    const fail = session.function(() => null.x, { image: "host" });
    await rejects(fail(), { exceptionType: "TypeError" });
    const stop = new AbortController();
    const endless = session.function(() => new Promise((done) => (console.log("here"), setTimeout(done, 600_000))), {
      image: "host",
      onStdout: () => stop.abort(),
      signal: stop.signal,
    });
    await rejects(endless(), { code: "cancelled" });
    equal(session.sandboxCount, 0);
    await rejects(session.function(() => missing, {})(), { code: "function_serialization_error" });
    equal(session.metrics().sandboxesCreated, 2);
    throws(() => session.function(() => 1, { command: ["x"] }), TypeError);
    deepEqual(await jetway.Sandbox.list({ client, tags: [tag] }), []);
    await session.close();
  },
};
