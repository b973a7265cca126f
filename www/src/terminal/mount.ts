// The terminal's place: a shell for the sandbox that the page is about, connected again when the server is back. Must
// not know how a sandbox is made.
import { h, iconButton } from "../base/dom";
import type { Mount } from "../context";
import { shellText, TerminalPane } from "./pane";

export const mount: Mount = (host, context) => {
  const state = h("span", { class: "detail", testid: "terminal-state", role: "status" });
  const reconnect = h("button", { type: "button", class: "quiet", testid: "reconnect", hidden: true });
  const screen = h("div", { class: "shell", testid: "terminal" });
  const close = iconButton("close", "Hide the terminal", () => context.commands.run("dock"));
  host.append(
    h("div", { class: "pane-bar" }, h("h2", {}, "Terminal"), state, h("span", { class: "spacer" }), reconnect, close),
    screen,
  );
  const terminal = new TerminalPane(screen, {
    onEnded: () => void context.workspace.refresh(),
    onLost: context.suspect,
    onLeave: () => context.show("code"),
  });
  terminal.shell.subscribe((shell) => {
    state.textContent = shellText(shell);
    state.dataset["phase"] = shell.phase;
    screen.dataset["phase"] = shell.phase;
    reconnect.hidden = shell.phase !== "ended" && shell.phase !== "lost";
    reconnect.textContent = shell.phase === "ended" ? "New shell" : "Reconnect";
  });
  reconnect.addEventListener("click", () => {
    const { sandbox } = context.workspace.view.value;
    if (sandbox !== undefined) void terminal.connect(sandbox, false);
    void terminal.focus();
  });
  let shown: string | undefined;
  context.workspace.view.subscribe(({ phase, sandbox, id }) => {
    if (phase === "running" && sandbox !== undefined && id !== shown) {
      shown = id;
      void terminal.connect(sandbox, true);
    } else if (phase !== "running" && shown !== undefined) {
      shown = undefined;
      terminal.disconnect();
    }
  });
  context.connection.link.subscribe(({ state: link }) => {
    const { phase, sandbox } = context.workspace.view.value;
    if (link !== "online" || phase !== "running" || sandbox === undefined) return;
    if (terminal.shell.value.phase === "lost") void terminal.connect(sandbox, false);
  });
  return { focus: () => void terminal.focus() };
};
