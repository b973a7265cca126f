// The page: makes its parts and tells each what the others need to know. All policy that joins two parts stands here,
// and nothing else does.
import "./style/theme.css";
import "./style/controls.css";
import "./style/layout.css";
import "./style/panels.css";
import type { Sandbox } from "jetway";
import { element, iconButton } from "./base/dom";
import { firstViewIsThere } from "./base/first_view";
import { describe, looksLikeLostServer, sentence } from "./base/problem";
import { startTheme, toggleTheme } from "./base/theme";
import type { Context } from "./context";
import { Commands } from "./shell/commands";
import { startDivider } from "./shell/divider";
import { openHelp, openPalette } from "./shell/palette";
import { type Place, Shell } from "./shell/shell";
import { startStatus } from "./shell/status";
import { Toasts } from "./shell/toasts";
import { Connection } from "./state/connection";
import { Fleet } from "./state/fleet";
import { Trace } from "./state/trace";
import { Workspace } from "./state/workspace";

const VIEWS: readonly Place[] = [
  { id: "code", title: "Code", load: () => import("./code/mount") },
  { id: "notebook", title: "Notebook", load: () => import("./notebook/mount") },
  { id: "files", title: "Files", load: () => import("./files/mount") },
  { id: "logs", title: "Logs", load: () => import("./logs/mount") },
  { id: "services", title: "Services", load: () => import("./services/mount") },
  { id: "processes", title: "Processes", load: () => import("./processes/mount") },
  { id: "connection", title: "Connection", load: () => import("./connection/mount") },
];
const SIDE: Place = { id: "sandboxes", title: "Sandboxes", load: () => import("./sandboxes/mount") };
const DOCK: Place = { id: "terminal", title: "Terminal", load: () => import("./terminal/mount") };

const trace = new Trace();
const connection = new Connection(trace);
const fleet = new Fleet(connection);
const workspace = new Workspace(connection, fleet);
const commands = new Commands();
const toasts = new Toasts(document.body);
const shell = new Shell(VIEWS, SIDE, DOCK);
const divider = startDivider();

const context: Context = {
  connection,
  workspace,
  fleet,
  commands,
  trace,
  sandbox: sandboxToWorkIn,
  suspect,
  show: (panel) => {
    if (panel === "terminal") openDock();
    shell.show(panel);
  },
  openFile: (path) => {
    shell.show("code");
    void shell.panel("code")?.then((panel) => panel.openFile?.(path));
  },
  tell: (text) => toasts.tell(text),
  complain: (problem) => toasts.complain(problem),
};

/** A run needs a server first: without one it fails with what is known about that, not with a riddle. */
async function sandboxToWorkIn(): Promise<Sandbox> {
  if (connection.link.value.state !== "online") await connection.check();
  const { problem } = connection.link.value;
  if (problem !== undefined) throw new Error(sentence(problem));
  return workspace.running();
}

/** Something failed that a lost server or a lost sandbox would explain: ask both. */
function suspect(error: unknown): void {
  if (looksLikeLostServer(error)) void connection.check().then(() => workspace.refresh());
  else void workspace.refresh();
}

/** At first sight of the server: a sandbox. At every later one: look what became of it, or make another. */
function followServer(): void {
  let before = connection.link.value.state;
  connection.link.subscribe(({ state }) => {
    const arrived = state === "online" && before !== "online";
    before = state;
    if (arrived) void recover();
  });
}

async function recover(): Promise<void> {
  const { phase } = workspace.view.value;
  if (phase === "none" || phase === "failed") return workspace.find();
  if (phase === "starting" || phase === "stopping") return;
  await workspace.refresh();
  // It went with its server: go on in another of its kind. Who watches it may have heard of that before the link did.
  if (workspace.view.value.phase === "ended") await workspace.another().catch(suspect);
}

function openDock(): void {
  if (element("work", HTMLElement).dataset["dock"] === "closed") divider.toggle();
}

function addCommands(): void {
  const views = VIEWS.map(({ id, title }, at) => ({
    id: `view.${id}`,
    title: `Show ${title.toLowerCase()}`,
    keys: `Alt+${at + 1}`,
    run: () => context.show(id),
  }));
  commands.add(
    { id: "palette", title: "Find a command", keys: "Mod+K", run: () => openPalette(commands) },
    { id: "help", title: "Keyboard shortcuts", keys: "?", told: true, run: () => openHelp(commands) },
    ...views,
    { id: "side", title: "Show or hide the list of sandboxes", keys: "Mod+B", run: () => shell.toggleSide() },
    { id: "dock", title: "Show or hide the terminal", keys: "Mod+J", run: () => divider.toggle() },
    { id: "terminal.focus", title: "Go to the terminal and back", keys: "Ctrl+`", told: true, run: () => context.show("terminal") },
    { id: "theme", title: "Switch between light and dark", run: toggleTheme },
  );
  commands.listen();
  document.addEventListener("keydown", (event) => {
    // In the terminal the key is its own handler's, which has prevented the default by now.
    if (event.defaultPrevented) return;
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable], .xterm") !== null;
    const asked = event.key === "?" && !typing ? "help" : event.ctrlKey && event.key === "`" ? "terminal.focus" : undefined;
    if (asked === undefined) return;
    event.preventDefault();
    commands.run(asked);
  });
  element("controls", HTMLElement).append(
    iconButton("search", "Find a command", () => commands.run("palette"), { "data-testid": "open-palette" }),
    iconButton("theme", "Switch between light and dark", toggleTheme, { "data-testid": "theme" }),
  );
}

/** The first view is there when its panel is, and what is known about the server. */
async function followFirstView(): Promise<void> {
  const { front } = shell;
  if (front !== undefined) await shell.panel(front);
  const unsubscribe = connection.link.subscribe(({ state }) => {
    if (state === "connecting") return;
    firstViewIsThere();
    queueMicrotask(() => unsubscribe());
  });
}

/** Another sandbox in place of one that ended or failed to start; the workspace shows why that failed, too. */
function another(): void {
  void workspace.another().catch(suspect);
}

startTheme();
addCommands();
startStatus(connection, workspace, another);
shell.start(context);
void followFirstView();
followServer();
fleet.watch();
workspace.watch();
connection.start();
addEventListener("unhandledrejection", (event) => toasts.complain(describe(event.reason)));
