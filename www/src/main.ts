// The page: makes its parts, tells each what the others need to know. All policy that joins two parts stands here,
// and nothing else does.
import "./theme.css";
import "./layout.css";
import type { Sandbox } from "jetway";
import { Connection } from "./connection";
import { element } from "./dom";
import { looksLikeLostServer, sentence } from "./problem";
import { ProgramPane } from "./program";
import { StatusBar } from "./status";
import { shellText, TerminalPane } from "./terminal";
import { Workspace } from "./workspace";

const connection = new Connection();
const workspace = new Workspace(connection);
const status = new StatusBar(connection, workspace, {
  onNew: (image) => void startSandbox(image),
  onStop: () => void workspace.stop(),
});
const program = new ProgramPane({ sandbox: sandboxForRun, onFailure: suspect });
const terminal = new TerminalPane(element("terminal", HTMLElement), {
  onEnded: () => void workspace.refresh(),
  onLost: suspect,
  onLeave: () => program.focus(),
});

/** A run needs a server first: without one it fails with what is known about that, not with a riddle. */
async function sandboxForRun(): Promise<Sandbox> {
  if (connection.link.value.state !== "online") await connection.check();
  const { problem, server } = connection.link.value;
  if (problem !== undefined) throw new Error(sentence(problem));
  return workspace.running(status.image ?? server?.defaultImage);
}

/** Something failed that a lost server or a lost sandbox would explain: ask both. */
function suspect(error: unknown): void {
  if (looksLikeLostServer(error)) void connection.check().then(() => workspace.refresh());
  else void workspace.refresh();
}

/** The workspace shows why a start failed, so that the error ends here. */
async function startSandbox(image: string | undefined): Promise<void> {
  if (image !== undefined) program.suggestFor(image);
  await workspace.create(image).catch(suspect);
}

function followSandbox(): void {
  let shown: string | undefined;
  workspace.view.subscribe(({ phase, sandbox, id }) => {
    if (phase === "running" && sandbox !== undefined && id !== shown) {
      shown = id;
      void terminal.connect(sandbox, true);
    } else if (phase !== "running" && shown !== undefined) {
      shown = undefined;
      terminal.disconnect();
    }
  });
}

/** At first sight of the server: a sandbox. At every later one: look what became of it, or make another. */
function followServer(): void {
  let before = connection.link.value.state;
  connection.link.subscribe(({ state, server }) => {
    const arrived = state === "online" && before !== "online";
    before = state;
    if (arrived && server !== undefined) void recover(server.defaultImage);
  });
}

async function recover(defaultImage: string | undefined): Promise<void> {
  const { phase, sandbox, image } = workspace.view.value;
  if (phase === "running" && sandbox !== undefined) await workspace.refresh();
  const after = workspace.view.value;
  if (after.phase === "running" && after.sandbox !== undefined) {
    if (terminal.shell.value.phase === "lost") void terminal.connect(after.sandbox, false);
    return;
  }
  if (after.phase !== "starting") await startSandbox(image ?? defaultImage);
}

function followTerminal(): void {
  const reconnect = element("reconnect", HTMLButtonElement);
  const state = element("terminal-state", HTMLElement);
  const screen = element("terminal", HTMLElement);
  terminal.shell.subscribe((shell) => {
    state.textContent = shellText(shell);
    state.dataset["phase"] = shell.phase;
    screen.dataset["phase"] = shell.phase;
    reconnect.hidden = shell.phase !== "ended" && shell.phase !== "lost";
    reconnect.textContent = shell.phase === "ended" ? "New shell" : "Reconnect";
  });
  reconnect.addEventListener("click", () => {
    const { sandbox } = workspace.view.value;
    if (sandbox !== undefined) void terminal.connect(sandbox, false);
    void terminal.focus();
  });
}

document.addEventListener("keydown", (event) => {
  // In the terminal the key is its own handler's, which has prevented the default by now.
  if (event.defaultPrevented || !(event.ctrlKey && event.key === "`")) return;
  event.preventDefault();
  void terminal.focus();
});

followSandbox();
followServer();
followTerminal();
workspace.watch();
connection.start();
void program.open();
