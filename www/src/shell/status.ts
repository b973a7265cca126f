// The header and the banner: is the server there, what is the sandbox doing, what can be done about it. Must not decide
// anything; it shows two values and hands clicks on.
import { button, element, h, put, setText } from "../base/dom";
import type { Problem } from "../base/problem";
import type { Connection, Link, LinkState } from "../state/connection";
import type { Phase, SandboxView, Workspace } from "../state/workspace";

const LINK_TEXT: Record<LinkState, string> = {
  connecting: "Connecting",
  online: "Connected",
  offline: "Offline",
  refused: "Not signed in",
};

const PHASE_TEXT: Record<Phase | "unreachable", string> = {
  none: "No sandbox",
  starting: "Starting",
  running: "Running",
  paused: "Paused",
  stopping: "Stopping",
  ended: "Ended",
  failed: "Failed",
  unreachable: "Unreachable",
};

/** Follows the link and the sandbox; `onNew` is asked for another sandbox. */
export function startStatus(connection: Connection, workspace: Workspace, onNew: () => void): void {
  const root = element("status", HTMLElement);
  const detail = element("sandbox-detail", HTMLElement);
  const show = () => {
    const link = connection.link.value;
    const view = workspace.view.value;
    const online = link.state === "online";
    // Without the server nobody knows what the sandbox does, and the page does not pretend to.
    const phase = online || view.sandbox === undefined ? view.phase : "unreachable";
    root.dataset["link"] = link.state;
    root.dataset["sandbox"] = phase;
    setText(element("link-state", HTMLElement), LINK_TEXT[link.state]);
    setText(element("server-version", HTMLElement), link.server === undefined ? "" : `server ${link.server.version}`);
    setText(element("sandbox-state", HTMLElement), PHASE_TEXT[phase]);
    setText(detail, [view.image, view.id].filter((part) => part !== undefined).join(" · "));
    detail.title = view.id ?? "";
    showBanner(bannerOf(link, view), online && view.problem !== undefined ? onNew : undefined);
  };
  connection.link.subscribe(show);
  workspace.view.subscribe(show);
}

function bannerOf(link: Link, view: SandboxView): Problem | undefined {
  return link.problem ?? view.problem;
}

function showBanner(problem: Problem | undefined, onNew: (() => void) | undefined): void {
  const banner = element("banner", HTMLElement);
  banner.hidden = problem === undefined;
  if (problem === undefined) return banner.replaceChildren();
  put(
    banner,
    h("strong", {}, problem.message),
    h("span", {}, problem.hint ?? ""),
    problem.code !== undefined && h("code", {}, problem.code),
    onNew !== undefined && button("New sandbox", onNew),
  );
}
