// Light or dark: what the system wants unless a person has chosen. Must not know who draws with it.
import { Cell, type Watched } from "./cell";
import { keep, recall } from "./keep";

export type Scheme = "light" | "dark";

const DARK = matchMedia("(prefers-color-scheme: dark)");
const scheme = new Cell<Scheme>(current());

/** The scheme that the page is drawn in; for what draws on its own, as the terminal does. */
export const theme: Watched<Scheme> = scheme;

/** Takes over what was chosen at an earlier visit, and follows the system where nothing was. */
export function startTheme(): void {
  apply();
  DARK.addEventListener("change", apply);
}

/** The other one, and the system's own again when that is what it is. */
export function toggleTheme(): void {
  const wanted: Scheme = current() === "dark" ? "light" : "dark";
  keep("theme", wanted === (DARK.matches ? "dark" : "light") ? undefined : wanted);
  apply();
}

/** One of theme.css's colours as the browser draws it, `rgb(…)`. */
export function colour(name: `--${string}`): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.documentElement.append(probe);
  const drawn = getComputedStyle(probe).color;
  probe.remove();
  return drawn;
}

function current(): Scheme {
  const chosen = recall("theme");
  if (chosen === "light" || chosen === "dark") return chosen;
  return DARK.matches ? "dark" : "light";
}

function apply(): void {
  const now = current();
  document.documentElement.style.colorScheme = now;
  document.documentElement.dataset["theme"] = now;
  scheme.set(now);
}
