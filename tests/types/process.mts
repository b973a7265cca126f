// What a process takes and gives; `stdin` is there where it was asked for. Never run.
import { Sandbox, SandboxExecutionError } from "jetway";
import type { Data, InteractiveProcess, Process, ProcessResult, Transport } from "jetway";
import { type Same, is } from "./is.mjs";

export async function right(sandbox: Sandbox): Promise<void> {
  const process = sandbox.exec(["ls"], { cwd: "/", env: { A: "1" }, check: true, timeoutMs: 5, signal: AbortSignal.timeout(5) });
  is<Same<typeof process, Process>>();
  const result = await process;
  is<Same<typeof result, ProcessResult>>();
  is<Same<typeof result.exitCode, number>>();
  is<Same<typeof result.stdoutBytes, Uint8Array>>();
  for await (const line of process) is<Same<typeof line, string>>();
  for await (const chunk of process.stdout) is<Same<typeof chunk, Uint8Array<ArrayBuffer>>>();
  is<Same<typeof process.stdin, WritableStream<Data> | undefined>>();
  is<Same<typeof process.transport, Transport | undefined>>();

  const dialogue = sandbox.exec(["cat"], { stdin: true });
  is<Same<typeof dialogue, InteractiveProcess>>();
  const writer = dialogue.stdin.getWriter();
  await writer.write("text");
  await writer.write(new Uint8Array());
  const target = process.pipe(dialogue);
  is<Same<typeof target, InteractiveProcess>>();
  is<Same<Awaited<ReturnType<typeof process.text>>, string>>();

  const session = sandbox.shell({ cols: 80, rows: 24 });
  await session.output.pipeTo(new WritableStream<Uint8Array>());
  await session.resize(100, 30);
  const detach = session.attach({ write: (_bytes: Uint8Array) => {}, onData: () => ({ dispose() {} }) });
  detach();

  try {
    await process;
  } catch (error) {
    if (error instanceof SandboxExecutionError) {
      is<Same<typeof error.result, ProcessResult | undefined>>();
      is<Same<typeof error.code, string>>();
      is<Same<typeof error.exceptionType, string | undefined>>();
    }
  }
}

export function wrong(sandbox: Sandbox, result: ProcessResult): void {
  // @ts-expect-error a command is an array
  sandbox.exec("ls -l");
  // @ts-expect-error an option that does not exist
  sandbox.exec(["ls"], { cdw: "/" });
  // @ts-expect-error without `stdin: true` there may be none
  sandbox.exec(["ls"]).stdin.getWriter();
  // @ts-expect-error input feeds and closes: it is one or the other
  sandbox.exec(["cat"], { stdin: true, input: "x" }).stdin.getWriter();
  // @ts-expect-error a result is frozen
  result.exitCode = 0;
  // @ts-expect-error lines of what?
  sandbox.exec(["ls"]).lines("stdin");
  // @ts-expect-error a size has both
  sandbox.exec(["ls"], { tty: { cols: 80 } });
  // @ts-expect-error only what has xterm.js's interface
  sandbox.shell().attach({ write() {} });
  // @ts-expect-error a process is no async function's bare promise: it has no such property
  sandbox.exec(["ls"]).returnCode;
}
