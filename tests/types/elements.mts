// The custom elements as TypeScript sees them.
import type { Execution, KeptTerminal, Sandbox, TerminalChange, TerminalSession } from "jetway";
import { type JetwayRun, type JetwayTerminal, configureElements } from "jetway/elements";
import { is, type Same } from "./is.mjs";

export async function right(sandbox: Sandbox): Promise<void> {
  configureElements({ baseUrl: "https://sandboxes.example", auth: async () => ({ token: "t", expiresInMs: 1000 }), image: async () => "host" });
  const terminal = document.createElement("jetway-terminal");
  is<Same<typeof terminal, JetwayTerminal>>();
  terminal.sandbox = sandbox;
  terminal.addEventListener("jetway-statechange", ({ detail }) => {
    if (detail.state === "ended") is<Same<typeof detail.exitCode, number>>();
    if (detail.state === "reconnecting") is<Same<typeof detail.error, Error>>();
  });
  is<Same<typeof terminal.session, TerminalSession | undefined>>();
  is<Same<ReturnType<typeof terminal.find>, boolean>>();
  const run = document.querySelector("jetway-run");
  is<Same<typeof run, JetwayRun | null>>();
  if (run) is<Same<Awaited<ReturnType<typeof run.run>>, Execution | undefined>>();
}

export async function kept(sandbox: Sandbox): Promise<void> {
  const session = sandbox.shell({ keep: { id: "work", from: 10, forMs: 1000, attachOnly: true }, onState: (change) => is<Same<typeof change, TerminalChange>>() });
  is<Same<typeof session.kept, boolean | undefined>>();
  is<Same<Awaited<ReturnType<typeof sandbox.terminals>>, KeptTerminal[]>>();
  session.detach();
}

export function wrong(sandbox: Sandbox): void {
  // @ts-expect-error a name, a switch or an object
  sandbox.shell({ keep: 1 });
  // @ts-expect-error an option that does not exist
  sandbox.shell({ keep: { name: "work" } });
  // @ts-expect-error an option that does not exist
  configureElements({ url: "https://sandboxes.example" });
  // @ts-expect-error a state that it never has
  document.createElement("jetway-terminal").state === "closed";
}
