// Every failure is a JetwayError: `code` for programs, `message` and `hint` for people, subclasses for `instanceof`.
import {
  Client, JetwayError, NetworkError, Sandbox, SandboxCommandTimeoutError, SandboxExecutionError, SandboxFileError,
  SandboxNotFoundError, ValidationError,
} from "jetway";

/** Awaits what must fail, and returns why. */
const failure = (promise) => promise.then(() => { throw new Error("it worked"); }, (error) => error);

const failures = [];
await Sandbox.use({ image: "host" }, async (sandbox) => {
  // A command that fails: `check: true` makes an error of it, and the error has the result.
  const check = await failure(sandbox.exec(["sh", "-c", "echo half; echo broken pipe >&2; exit 4"], { check: true }));
  console.log(check instanceof SandboxExecutionError, check.code, "|", check.message);
  console.log("  it printed:", check.result.stdout.trim(), "| exit code:", check.result.exitCode);

  // A command that takes too long is killed; what it had printed is there.
  const slow = await failure(sandbox.exec(["sh", "-c", "echo started; sleep 30"], { timeoutMs: 1000 }));
  console.log(slow instanceof SandboxCommandTimeoutError, slow.code, "| it had printed:", slow.result.stdout.trim());

  // A file that is not there; `metadata` has the machine-readable facts.
  const missing = await failure(sandbox.readFile("/tmp/nothing"));
  console.log(missing instanceof SandboxFileError, missing.reason, missing.metadata.filepath);

  // Bad input is refused before anything is sent, by the name of the field.
  const invalid = await failure(sandbox.exec(["ls"], { cwd: "tmp" }));
  console.log(invalid instanceof ValidationError, invalid.fieldViolations[0].field, "|", invalid.message);
  failures.push(check, slow, missing, invalid);
});

// A sandbox that does not exist.
const unknown = await failure(Sandbox.fromId("no-such-sandbox"));
console.log(unknown instanceof SandboxNotFoundError, unknown.code, "| hint:", unknown.hint);

// A server that does not answer. Port 9 has nothing behind it.
const nowhere = new Client({ baseUrl: "http://127.0.0.1:9", auth: "any", requestTimeoutMs: 3000 });
const network = await failure(Sandbox.create({ image: "host", client: nowhere }));
console.log(network instanceof NetworkError, network.metadata.diagnosis, "| worth another try:", network.retryable);

// One net for all of them. Only a wrong type or an unknown option is a TypeError: a mistake of the program.
failures.push(unknown, network);
console.log(`${failures.filter((error) => error instanceof JetwayError).length} of ${failures.length} are JetwayErrors`);
