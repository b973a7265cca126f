// Remote functions keep their parameters and give promises of their values. Never run.
import { Sandbox, Session, results, wait } from "jetway";
import type { Process, ProcessResult, RemoteFunction, Waitable } from "jetway";
import { type Same, is } from "./is.mjs";

export async function right(sandbox: Sandbox): Promise<void> {
  const add = sandbox.function((x: number, y: number) => x + y, { bind: { factor: 2 }, serialization: "structured" });
  is<Same<typeof add, RemoteFunction<[x: number, y: number], number>>>();
  const sum = await add(1, 2);
  is<Same<typeof sum, number>>();
  is<Same<Awaited<ReturnType<typeof add.remote>>, number>>();
  const sums = add.map([[1, 2], [3, 4]], { concurrency: 2 });
  is<Same<typeof sums, Promise<number>[]>>();
  is<Same<ReturnType<typeof add.local>, number>>();

  const later = sandbox.function(async (name: string) => ({ name }));
  is<Same<Awaited<ReturnType<typeof later>>, { name: string }>>();
  is<Same<ReturnType<typeof later.local>, Promise<{ name: string }>>>();

  const divide = sandbox.python<[a: number, b: number], number>("def divide(a, b): return a / b", { timeoutMs: 5 });
  const quotient = await divide(1, 2);
  is<Same<typeof quotient, number>>();
  sandbox.python`def f(): return ${[1, "two", null, { three: true }]}`;

  await using session = new Session({ image: "node:22" });
  const own = session.function((x: number) => String(x), { image: "node:20", tags: ["a"], bind: {}, maxLifetimeSeconds: 60 });
  is<Same<typeof own, RemoteFunction<[x: number], string>>>();
  await session.python<[], null>`def f(): pass`();
}

export function wrong(sandbox: Sandbox, session: Session): void {
  const add = sandbox.function((x: number, y: number) => x + y);
  // @ts-expect-error too few
  void add(1);
  // @ts-expect-error not a number
  void add(1, "2");
  // @ts-expect-error each item is the array of one call's arguments
  add.map([1, 2]);
  // @ts-expect-error an option that does not exist
  sandbox.function(() => 1, { binds: {} });
  // @ts-expect-error nothing of Python runs here
  sandbox.python("def f(): pass").local();
  // @ts-expect-error a serialization that does not exist
  sandbox.function(() => 1, { serialization: "pickle" });
  // @ts-expect-error this sandbox has its image
  sandbox.function(() => 1, { image: "node:22" });
  // @ts-expect-error the command is the function
  session.function(() => 1, { command: ["node"] });
  // @ts-expect-error a function, not its text
  sandbox.function("() => 1");
  // @ts-expect-error no Python value
  sandbox.python`def f(): return ${new Date()}`;
}

export async function waiting(sandbox: Sandbox): Promise<void> {
  const [result, five] = await results([sandbox.exec(["ls"]), Promise.resolve(5)]);
  is<Same<typeof result, ProcessResult>>();
  is<Same<typeof five, number>>();
  const [done, pending] = await wait([sandbox, sandbox.exec(["ls"])], { numReturns: 1, timeoutMs: 5 });
  is<Same<typeof done, (Sandbox | Process)[]>>();
  is<Same<typeof pending, (Sandbox | Process)[]>>();
  const item: Waitable = sandbox.shell();
  // @ts-expect-error nothing to wait for
  void wait([5]);
  void item;
}
