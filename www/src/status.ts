// The header: is the server there, which image, what is the sandbox doing, what can be done about it. Must not
// decide anything; it shows two values and hands clicks on.
import type { Connection, Link, LinkState } from "./connection";
import { button, element } from "./dom";
import type { Problem } from "./problem";
import type { Phase, SandboxView, Workspace } from "./workspace";

/** What a person can do in the header. */
export interface StatusEvents {
  readonly onNew: (image: string | undefined) => void;
  readonly onStop: () => void;
}

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
  stopping: "Stopping",
  ended: "Ended",
  failed: "Failed",
  unreachable: "Unreachable",
};

/** The header of the page, and the banner below it. */
export class StatusBar {
  readonly #root = element("status", HTMLElement);
  readonly #linkState = element("link-state", HTMLElement);
  readonly #serverVersion = element("server-version", HTMLElement);
  readonly #sandboxState = element("sandbox-state", HTMLElement);
  readonly #sandboxDetail = element("sandbox-detail", HTMLElement);
  readonly #image = element("image", HTMLSelectElement);
  readonly #newSandbox = element("new-sandbox", HTMLButtonElement);
  readonly #stopSandbox = element("stop-sandbox", HTMLButtonElement);
  readonly #banner = element("banner", HTMLElement);
  readonly #events: StatusEvents;

  constructor(connection: Connection, workspace: Workspace, events: StatusEvents) {
    this.#events = events;
    element("sandbox-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      events.onNew(this.image);
    });
    this.#stopSandbox.addEventListener("click", events.onStop);
    const show = () => this.#show(connection.link.value, workspace.view.value);
    connection.link.subscribe(show);
    workspace.view.subscribe(show);
  }

  /** The image that is picked; undefined leaves the choice to the library. */
  get image(): string | undefined {
    return this.#image.value || undefined;
  }

  #show(link: Link, view: SandboxView): void {
    const online = link.state === "online";
    this.#root.dataset["link"] = link.state;
    // Without the server nobody knows what the sandbox does, and the page does not pretend to.
    const phase = online || view.sandbox === undefined ? view.phase : "unreachable";
    this.#root.dataset["sandbox"] = phase;
    setText(this.#linkState, LINK_TEXT[link.state]);
    setText(this.#serverVersion, link.server === undefined ? "" : `server ${link.server.version}`);
    setText(this.#sandboxState, PHASE_TEXT[phase]);
    setText(this.#sandboxDetail, [view.image, view.id].filter((part) => part !== undefined).join(" · "));
    this.#sandboxDetail.title = view.id ?? "";
    this.#offerImages(link);
    const changing = view.phase === "starting" || view.phase === "stopping";
    this.#newSandbox.disabled = !online || view.phase === "stopping";
    this.#stopSandbox.disabled = !online || changing || view.sandbox === undefined;
    this.#showBanner(link.problem ?? view.problem, online && view.problem !== undefined);
  }

  #offerImages({ server, state }: Link): void {
    this.#image.disabled = server === undefined || state !== "online";
    if (server === undefined) return;
    const offered = [...this.#image.options].map((option) => option.value);
    if (offered.length === server.images.length && server.images.every((name, at) => name === offered[at])) return;
    const chosen = this.image !== undefined && server.images.includes(this.image) ? this.image : server.defaultImage;
    this.#image.replaceChildren(...server.images.map((name) => new Option(name, name, false, name === chosen)));
  }

  #showBanner(problem: Problem | undefined, offerNew: boolean): void {
    this.#banner.hidden = problem === undefined;
    if (problem === undefined) {
      this.#banner.replaceChildren();
      return;
    }
    const message = document.createElement("strong");
    message.textContent = problem.message;
    const hint = document.createElement("span");
    hint.textContent = problem.hint ?? "";
    const code = document.createElement("code");
    code.textContent = problem.code ?? "";
    const actions = offerNew ? [button("New sandbox", () => this.#events.onNew(this.image))] : [];
    this.#banner.replaceChildren(message, hint, ...(problem.code === undefined ? [] : [code]), ...actions);
  }
}

/** Writes only what changed, so that a screen reader does not repeat what it has said. */
function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
