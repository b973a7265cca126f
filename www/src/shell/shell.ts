// The frame of the page: the views as tabs, the terminal below them, the list of sandboxes beside them. A panel is
// loaded when it is first shown. Must not know what a panel does.
import { element, h, iconButton } from "../base/dom";
import { keep, recall } from "../base/keep";
import { describe, sentence } from "../base/problem";
import type { Context, Mount, Panel, PanelId } from "../context";

/** A place of the page, and how its panel is had. */
export interface Place {
  readonly id: PanelId;
  readonly title: string;
  readonly load: () => Promise<{ readonly mount: Mount }>;
}

interface Held {
  readonly host: HTMLElement;
  readonly panel: Promise<Panel>;
}

const NARROW = matchMedia("(max-width: 899.98px)");

/** The frame. */
export class Shell {
  readonly #views: readonly Place[];
  readonly #fixed: ReadonlyMap<PanelId, { readonly place: Place; readonly host: HTMLElement }>;
  readonly #held = new Map<PanelId, Held>();
  readonly #tabs = new Map<PanelId, HTMLButtonElement>();
  readonly #stage = element("stage", HTMLElement);
  readonly #frame = element("frame", HTMLElement);
  #context: Context | undefined;
  #front: PanelId | undefined;

  /** `views` are the tabs; `side` and `dock` are always there. */
  constructor(views: readonly Place[], side: Place, dock: Place) {
    this.#views = views;
    this.#fixed = new Map([
      [side.id, { place: side, host: element("side", HTMLElement) }],
      [dock.id, { place: dock, host: element("dock", HTMLElement) }],
    ]);
    this.#makeTabs();
    this.#makeSideToggle();
  }

  /** Fills the frame. */
  start(context: Context): void {
    this.#context = context;
    for (const id of this.#fixed.keys()) void this.#hold(id);
    const wanted = recall("view", "tab");
    this.show(this.#views.find(({ id }) => id === wanted)?.id ?? this.#views[0]?.id ?? "code", false);
  }

  /** Brings a panel to the front. */
  show(id: PanelId, focus = true): void {
    const fixed = this.#fixed.get(id);
    if (fixed === undefined) this.#bring(id);
    else if (id === "sandboxes") this.openSide(true);
    const held = this.#hold(id);
    if (focus) void held?.panel.then((panel) => panel.focus?.());
  }

  /** The panel of an id, loaded if need be. */
  panel(id: PanelId): Promise<Panel> | undefined {
    return this.#hold(id)?.panel;
  }

  /** Shows or hides the list of sandboxes. */
  openSide(open: boolean): void {
    this.#frame.dataset["side"] = open ? "open" : "closed";
    element("side-toggle", HTMLButtonElement).setAttribute("aria-expanded", String(open));
    if (!NARROW.matches) keep("side", open ? undefined : "closed");
  }

  toggleSide(): void {
    this.openSide(this.#frame.dataset["side"] !== "open");
  }

  get front(): PanelId | undefined {
    return this.#front;
  }

  #bring(id: PanelId): void {
    if (this.#front === id) return;
    if (NARROW.matches) this.openSide(false);
    const before = this.#front;
    this.#front = id;
    keep("view", id, "tab");
    if (before !== undefined) void this.#held.get(before)?.panel.then((panel) => panel.hidden?.());
    const held = this.#hold(id);
    for (const [other, { host }] of this.#held) if (!this.#fixed.has(other)) host.hidden = other !== id;
    for (const [other, tab] of this.#tabs) {
      tab.setAttribute("aria-selected", String(other === id));
      tab.tabIndex = other === id ? 0 : -1;
    }
    this.#tabs.get(id)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    void held?.panel.then((panel) => this.#front === id && panel.shown?.());
  }

  #hold(id: PanelId): Held | undefined {
    const known = this.#held.get(id);
    if (known !== undefined || this.#context === undefined) return known;
    const fixed = this.#fixed.get(id);
    const place = fixed?.place ?? this.#views.find((view) => view.id === id);
    if (place === undefined) return undefined;
    const host = fixed?.host ?? this.#makeHost(place);
    const held = { host, panel: fill(place, host, this.#context) };
    this.#held.set(id, held);
    return held;
  }

  #makeHost(place: Place): HTMLElement {
    const host = h("section", { class: `panel panel-${place.id}`, role: "tabpanel", id: `panel-${place.id}`, "aria-labelledby": `tab-${place.id}` });
    this.#stage.append(host);
    return host;
  }

  #makeTabs(): void {
    const list = element("views", HTMLElement);
    for (const { id, title } of this.#views) {
      const tab = h("button", { type: "button", role: "tab", class: "view", id: `tab-${id}`, testid: `view-${id}` }, title);
      tab.setAttribute("aria-controls", `panel-${id}`);
      tab.addEventListener("click", () => this.show(id, false));
      this.#tabs.set(id, tab);
      list.append(tab);
    }
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const at = this.#views.findIndex(({ id }) => id === this.#front);
      const next = step === undefined ? undefined : this.#views[(at + step + this.#views.length) % this.#views.length];
      if (next === undefined) return;
      event.preventDefault();
      this.show(next.id, false);
      this.#tabs.get(next.id)?.focus();
    });
  }

  #makeSideToggle(): void {
    const toggle = element("side-toggle", HTMLButtonElement);
    toggle.append(...iconButton("menu", "", () => undefined).childNodes);
    toggle.addEventListener("click", () => this.toggleSide());
    const follow = () => this.openSide(!NARROW.matches && recall("side") !== "closed");
    NARROW.addEventListener("change", follow);
    follow();
  }
}

/** Loads a panel into its place; one that cannot be loaded says so there. */
async function fill(place: Place, host: HTMLElement, context: Context): Promise<Panel> {
  host.setAttribute("aria-busy", "true");
  try {
    const { mount } = await place.load();
    return await mount(host, context);
  } catch (error) {
    host.replaceChildren(h("p", { class: "empty", role: "alert" }, `${place.title} could not be shown: ${sentence(describe(error))}`));
    return {};
  } finally {
    host.removeAttribute("aria-busy");
  }
}
