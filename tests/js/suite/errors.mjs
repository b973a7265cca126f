// What is refused, and how: every error names the field and the fix.
import { equal, match, ok, rejects, throws } from "./assert.mjs";

export const errors = {
  "an option that does not exist is refused at once, with the nearest one": async ({ jetway, client, sandbox }) => {
    const cases = [
      [() => jetway.Sandbox.run({ imagee: "x" }), /Sandbox\.run: unknown option "imagee"; did you mean "image"\?/],
      [() => sandbox.exec(["true"], { timeout: 5 }), /exec: unknown option "timeout"; did you mean "timeoutMs"\?/],
      [() => sandbox.exec(["true"], { cdw: "/" }), /did you mean "cwd"\?/],
      [() => sandbox.shell({ columns: 5 }), /shell: unknown option "columns"; did you mean "cols"\?/],
      [() => jetway.Sandbox.list({ tag: [] }), /did you mean "tags"\?/],
      [() => new jetway.Client({ baseURL: "http://x" }), /did you mean "baseUrl"\?/],
      [() => sandbox.exec(["true"], { entirelyUnknown: 1 }), /unknown option "entirelyUnknown"; known are cwd, env/],
    ];
    for (const [act, message] of cases) match(throws(act, TypeError).message, message);
    match((await rejects(sandbox.stop({ missingOK: true, clinet: client }), TypeError)).message, /did you mean "missingOk"\?/);
    match((await rejects(jetway.Sandbox.fromId("x", { cleint: client }), TypeError)).message, /did you mean "client"\?/);
  },

  "values of the wrong type are refused by name": async ({ jetway, client, sandbox }) => {
    throws(() => sandbox.exec("echo hi"), TypeError);
    throws(() => sandbox.exec(["echo", 5]), TypeError);
    throws(() => sandbox.exec(["true"], null), TypeError);
    throws(() => new jetway.Client({ auth: 5 }), TypeError);
    throws(() => jetway.Sandbox.run({ client: {} }), TypeError);
    match((await rejects(sandbox.exec(["true"], { cwd: 5 }), TypeError)).message, /cwd must be a string, got number/);
    match((await rejects(sandbox.exec(["true"], { timeoutMs: "5" }), TypeError)).message, /timeoutMs must be a number/);
    match((await rejects(sandbox.exec(["true"], { env: { A: 1 } }), TypeError)).message, /env must be an object whose values are strings/);
    match((await rejects(jetway.Sandbox.run({ client, tags: "x" }).wait(), TypeError)).message, /tags must be an array of strings/);
  },

  "commands and options that cannot work are refused by field": async ({ jetway, sandbox }) => {
    const cases = [
      [[], {}, "command"],
      [[""], {}, "command"],
      [["a\0b"], {}, "command[0]"],
      [["true"], { cwd: "src" }, "cwd"],
      [["true"], { cwd: "/a\0" }, "cwd"],
      [["true"], { env: { "A=B": "x" } }, "env"],
      [["true"], { timeoutMs: 0 }, "timeout"],
    ];
    for (const [command, options, field] of cases) {
      const error = await rejects(sandbox.exec(command, options), jetway.ValidationError);
      equal(error.code, "validation_error");
      ok(error.fieldViolations[0].field.startsWith(field), `${error.fieldViolations[0].field} is not ${field}`);
      ok(error.message.length > field.length + 10, error.message);
    }
    const relative = await rejects(sandbox.exec(["true"], { cwd: "src" }));
    match(relative.message, /cwd: must be absolute, got "src"; did you mean "\/src"\?/);
  },

  "a server that is not there is a network error that says so": async ({ jetway, page }) => {
    // Port 9 is discard: nothing listens there.
    const client = new jetway.Client({ baseUrl: "http://127.0.0.1:9", auth: "x", requestTimeoutMs: 3000 });
    const error = await rejects(jetway.Sandbox.run({ client }).exec(["true"]), jetway.NetworkError);
    equal(error.code, "network_error");
    ok((page ? ["unreachable"] : ["refused"]).includes(error.metadata.diagnosis), error.metadata.diagnosis);
    ok(error.hint.includes("jetway serve") || error.hint.includes("server"), error.hint);
  },

  "a wrong token is an authentication error": async ({ jetway, url }) => {
    const client = new jetway.Client({ baseUrl: url, auth: "wrong-token-1234" });
    const error = await rejects(jetway.Sandbox.run({ client }).exec(["true"]), jetway.AuthenticationError);
    equal(error.code, "authentication_error");
    ok(!JSON.stringify([error.message, error.hint, error.metadata]).includes("wrong-token-1234"), "the token is shown");
  },

  "something that is not gRPC is named": async ({ jetway, htmlUrl }) => {
    if (!htmlUrl) return;
    const client = new jetway.Client({ baseUrl: htmlUrl, auth: "x" });
    const error = await rejects(jetway.Sandbox.run({ client }).exec(["true"]), jetway.NetworkError);
    equal(error.metadata.diagnosis, "not_grpc");
    match(error.hint, /baseUrl/);
    const files = new jetway.Client({ baseUrl: htmlUrl, auth: "x" });
    await rejects(jetway.Sandbox.fromId("any", { client: files }), jetway.NetworkError);
  },

  "a base URL that is none is refused by name": async ({ jetway }) => {
    for (const baseUrl of ["ftp://x", "http://user:secret@host/"]) {
      const client = new jetway.Client({ baseUrl, auth: "x" });
      const error = await rejects(jetway.Sandbox.run({ client }).wait(), jetway.ValidationError);
      equal(error.fieldViolations[0].field, "baseUrl");
      ok(!error.message.includes("secret"), "the password is shown");
    }
  },

  "an aborted call is cancelled: before it starts, and while it runs": async ({ jetway, client, sandbox }) => {
    const reason = new Error("changed my mind");
    const before = await rejects(sandbox.exec(["true"], { signal: AbortSignal.abort(reason) }), jetway.CancelledError);
    equal(before.cause, reason);
    await rejects(sandbox.readFile("/etc/hostname", { signal: AbortSignal.abort() }), jetway.CancelledError);
    const during = new AbortController();
    const process = sandbox.exec(["sleep", "30"], { signal: during.signal });
    setTimeout(() => during.abort(reason), 150);
    const error = await rejects(process, jetway.CancelledError);
    equal(error.code, "cancelled");
    equal(error.cause, reason);
    const starting = new AbortController();
    const never = jetway.Sandbox.run({ client }).wait({ signal: starting.signal });
    starting.abort();
    await rejects(never, jetway.CancelledError);
  },

  "a call that takes too long is a timeout": async ({ jetway, silentUrl }) => {
    if (!silentUrl) return;
    const client = new jetway.Client({ baseUrl: silentUrl, auth: "x" });
    const started = performance.now();
    const error = await rejects(jetway.Sandbox.fromId("any", { client, timeoutMs: 200 }), jetway.SandboxTimeoutError);
    equal(error.code, "request_timeout");
    ok(performance.now() - started < 40_000, "the limit did not hold");
  },

  "credentials come from a function, again when they were refused": async ({ jetway, url, token }) => {
    let asked = 0;
    const auth = async () => ({ token: ++asked === 1 ? "expired" : token });
    const client = new jetway.Client({ baseUrl: url, auth });
    const sandbox = await jetway.Sandbox.create({ client });
    equal(asked, 2);
    equal((await sandbox.exec(["echo", "in"])).stdout, "in\n");
    equal(asked, 2);
    await sandbox.delete();
    const failing = new jetway.Client({ baseUrl: url, auth: () => { throw new Error("the vault is closed"); } });
    const error = await rejects(jetway.Sandbox.run({ client: failing }).wait(), jetway.AuthenticationError);
    match(error.message, /the vault is closed/);
  },

  "a process whose credentials lapsed asks for fresh ones, also when it takes input": async ({ jetway, url, token, sandbox }) => {
    let lapsed = false;
    let asked = 0;
    // The client keeps what it was given; the server forgets nothing, so a wrong token stands for an expired one.
    const auth = () => (asked++, { token: lapsed && asked % 2 === 0 ? "expired" : token, expiresInMs: lapsed ? 1 : 0 });
    const client = new jetway.Client({ baseUrl: url, auth });
    const found = await jetway.Sandbox.fromId(sandbox.sandboxId, { client });
    lapsed = true;
    asked = 1;
    equal((await found.exec(["cat"], { input: "in" })).stdout, "in");
    equal(asked, 3);
  },

  "a process that fails and that nobody awaits disturbs nobody": async ({ sandbox, unhandled }) => {
    const before = unhandled().length;
    sandbox.exec([]);
    sandbox.exec(["true"], { cwd: "relative" });
    sandbox.exec(["sleep", "9"], { timeoutMs: 50 }).stdout;
    await new Promise((done) => setTimeout(done, 300));
    equal(unhandled().length, before, `unhandled: ${unhandled().slice(before)}`);
  },
};
