// A value that code showed, in the richest form that the page draws: a plot, HTML in a frame that can do nothing, JSON,
// text. Must not know where it came from.
import type { CodeResult } from "jetway";
import { h } from "../base/dom";
import { theme } from "../base/theme";

/** Frames grow with their content up to this; then they scroll. */
const TALLEST_PX = 420;

/** The element that shows a result. */
export function drawResult(result: CodeResult): HTMLElement {
  const drawn = picture(result) ?? framed(result) ?? written(result);
  return h("div", { class: "result", testid: "result" }, drawn);
}

function picture({ png, jpeg, svg, text }: CodeResult): HTMLElement | undefined {
  const data: BlobPart | undefined = bytesOf(png) ?? bytesOf(jpeg) ?? svg;
  if (data === undefined) return undefined;
  const type = png !== undefined ? "image/png" : jpeg !== undefined ? "image/jpeg" : "image/svg+xml";
  const address = URL.createObjectURL(new Blob([data], { type }));
  const name = text === undefined || text.startsWith("<") ? "Picture that the code showed" : text;
  const image = h("img", { src: address, alt: name, class: "result-image" });
  const link = h("a", { href: address, download: `result.${type.slice(type.indexOf("/") + 1).replace("+xml", "")}`, class: "hint" }, "Save picture");
  return h("figure", { class: "result-picture" }, image, h("figcaption", {}, link));
}

/** HTML of a stranger: no scripts, no origin, no requests, and its links open elsewhere. */
function framed({ html }: CodeResult): HTMLElement | undefined {
  if (html === undefined) return undefined;
  const frame = h("iframe", { sandbox: "allow-same-origin", title: "HTML that the code showed", class: "result-frame", loading: "lazy" });
  const fit = () => {
    const { body } = frame.contentDocument ?? {};
    if (body) frame.style.height = `${Math.min(TALLEST_PX, body.scrollHeight + 4)}px`;
  };
  frame.addEventListener("load", fit);
  frame.srcdoc = `<!doctype html><html style="color-scheme:${theme.value}"><meta charset="utf-8"><base target="_blank"><style>${FRAME_STYLE}</style><body>${html}`;
  return frame;
}

function written({ json, latex, markdown, text, javascript, data }: CodeResult): HTMLElement {
  if (json !== undefined) return tree(json, undefined, true);
  const shown = latex ?? markdown ?? text ?? javascript ?? Object.keys(data).join(", ");
  const kind = latex !== undefined ? "LaTeX" : markdown !== undefined ? "Markdown" : undefined;
  return h("div", {}, kind !== undefined && h("span", { class: "tag" }, kind), h("pre", { class: "result-text" }, shown));
}

/** JSON that folds. */
function tree(value: unknown, name: string | undefined, open: boolean): HTMLElement {
  const label = name === undefined ? "" : `${name}: `;
  if (typeof value !== "object" || value === null) {
    return h("div", { class: "json-leaf" }, h("span", { class: "json-name" }, label), h("code", {}, JSON.stringify(value) ?? "undefined"));
  }
  const entries = Object.entries(value);
  const sum = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const details = h("details", { class: "json" }, h("summary", {}, `${label}${sum}`));
  const fill = () => {
    if (details.childElementCount > 1) return;
    details.append(...entries.slice(0, 500).map(([key, item]) => tree(item, key, false)));
    if (entries.length > 500) details.append(h("div", { class: "hint" }, `${entries.length - 500} more`));
  };
  details.addEventListener("toggle", fill);
  if (open) fill();
  details.open = open;
  return details;
}

function bytesOf(data: Uint8Array | undefined): Uint8Array<ArrayBuffer> | undefined {
  // A copy: the library may share one buffer between results.
  return data === undefined ? undefined : new Uint8Array(data);
}

const FRAME_STYLE = `body{margin:4px;font:13px/1.5 system-ui,sans-serif;overflow-x:auto}
table{border-collapse:collapse;border:0}th,td{padding:3px 10px;border:0;border-bottom:1px solid #8884;text-align:right}
thead th{border-bottom-width:2px}tbody tr:hover{background:#8881}pre,code{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}`;
