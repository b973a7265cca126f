// A small line over time. Must not know what it measures.
import { h } from "../base/dom";

const POINTS = 60;
const SPACE = "http://www.w3.org/2000/svg";

/** A chart with its name and its last value. */
export class Chart {
  readonly root: HTMLElement;
  readonly #value = h("strong", {}, "–");
  readonly #line = document.createElementNS(SPACE, "polyline");
  readonly #spell: (value: number) => string;
  readonly #least: number;
  #values: number[] = [];

  /** `least` is the smallest height that the chart stands for, so that noise does not look like load. */
  constructor(name: string, spell: (value: number) => string, least: number) {
    this.#spell = spell;
    this.#least = least;
    const svg = document.createElementNS(SPACE, "svg");
    svg.setAttribute("viewBox", `0 0 ${POINTS - 1} 30`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.#line);
    this.root = h("figure", { class: "chart" }, h("figcaption", {}, name, " ", this.#value), svg);
  }

  add(value: number): void {
    this.#values = [...this.#values, value].slice(-POINTS);
    const top = Math.max(this.#least, ...this.#values);
    const from = POINTS - this.#values.length;
    const points = this.#values.map((point, at) => `${from + at},${(29 - (point / top) * 27).toFixed(2)}`);
    this.#line.setAttribute("points", points.join(" "));
    this.#value.textContent = this.#spell(value);
  }

  clear(): void {
    this.#values = [];
    this.#line.setAttribute("points", "");
    this.#value.textContent = "–";
  }
}
