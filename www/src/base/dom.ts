// Finding and making elements. Must not know what they are for.

type Child = Node | string | number | undefined | false;
type Handlers = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
type Attributes = { readonly on?: Handlers; readonly [name: string]: string | number | boolean | undefined | Handlers };

/** An element with attributes, listeners and children. `true` is an attribute without a value, `false` none at all. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on" || value === undefined || value === false) continue;
    made.setAttribute(name === "testid" ? "data-testid" : name, value === true ? "" : String(value));
  }
  for (const [type, listener] of Object.entries(attributes.on ?? {})) {
    made.addEventListener(type, listener as EventListener);
  }
  put(made, ...children);
  return made;
}

/** Replaces what is in an element. */
export function put(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren(...children.filter((child) => child !== undefined && child !== false).map(asNode));
}

function asNode(child: Node | string | number): Node | string {
  return typeof child === "number" ? String(child) : child;
}

/** A button; `options` are its attributes. */
export function button(label: string, onClick: () => void, options: Record<string, string | boolean> = {}): HTMLButtonElement {
  return h("button", { type: "button", ...options, on: { click: onClick } }, label);
}

/** A button that shows a sign and is called by its name. */
export function iconButton(icon: string, name: string, onClick: () => void, options: Record<string, string> = {}): HTMLButtonElement {
  const { class: more = "", ...rest } = options;
  const made = h("button", { type: "button", class: `icon ${more}`, "aria-label": name, title: name, ...rest, on: { click: onClick } });
  made.append(sign(icon));
  return made;
}

/** Signs are paths in a 16 by 16 square, drawn as strokes in the colour of the text. */
const SIGNS: Readonly<Record<string, string>> = {
  plus: "M8 3v10M3 8h10",
  stop: "M4.5 4.5h7v7h-7z",
  play: "M5 3.5v9l7-4.5z",
  pause: "M5.5 4v8M10.5 4v8",
  fork: "M4.5 3.5v3a2 2 0 0 0 2 2h3a2 2 0 0 1 2 2v2M4.5 8.5v4M3 3.5h3M10 12.5h3",
  camera: "M2.5 5.5h3l1-2h3l1 2h3v7h-11zM8 11a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4",
  more: "M4 8h.01M8 8h.01M12 8h.01",
  close: "M4 4l8 8M12 4l-8 8",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  folder: "M2.5 4h4l1.5 2h5.5v7h-11z",
  down: "M8 2.5v8M4.5 7L8 10.5 11.5 7M3 13.5h10",
  up: "M8 10.5v-8M4.5 6L8 2.5 11.5 6M3 13.5h10",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3",
  link: "M6.5 9.5l3-3M7 4.5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5L7.5 13a2.8 2.8 0 0 1-4-4L5 7.5",
  theme: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9M10.5 10.5l3 3",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  clock: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11M8 5v3.3l2 1.2",
  chevron: "M6 4l4 4-4 4",
};

/** A sign by its name. It says nothing to a screen reader. */
export function sign(name: string): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "sign", "aria-hidden": "true" })) svg.setAttribute(key, value);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SIGNS[name] ?? "");
  svg.append(path);
  return svg;
}

/** The element with this id, of this class; the page is broken without it, so a miss is an error that names it. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no <${type.name}> with the id "${id}"`);
  return found;
}

/** Writes only what changed, so that a screen reader does not repeat what it has said. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** True where the platform's command key is ⌘. */
export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
