// The line between the views and the terminal: dragged, or moved with the arrow keys. Must not know what it divides.
import { element } from "../base/dom";
import { keep, recall } from "../base/keep";

const LEAST = 12;
const MOST = 80;
const STEP = 4;
const USUAL = 36;

/** Makes the divider work; heights are per cent of the two together. */
export function startDivider(): { set: (percent: number) => void; toggle: () => void } {
  const divider = element("divider", HTMLElement);
  const work = element("work", HTMLElement);
  let before = USUAL;
  let now = USUAL;
  const set = (percent: number) => {
    now = percent <= 0 ? 0 : Math.round(Math.max(LEAST, Math.min(MOST, percent)));
    if (now > 0) before = now;
    work.style.setProperty("--dock", `${now}%`);
    work.dataset["dock"] = now === 0 ? "closed" : "open";
    divider.setAttribute("aria-valuenow", String(now));
    keep("dock", now === USUAL ? undefined : String(now));
  };
  divider.setAttribute("aria-valuemin", "0");
  divider.setAttribute("aria-valuemax", String(MOST));
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    const { top, height } = work.getBoundingClientRect();
    const move = (moved: PointerEvent) => set(((top + height - moved.clientY) / height) * 100);
    divider.addEventListener("pointermove", move);
    divider.addEventListener("lostpointercapture", () => divider.removeEventListener("pointermove", move), { once: true });
  });
  divider.addEventListener("keydown", (event) => {
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(now + step);
  });
  set(Number(recall("dock") ?? USUAL));
  return { set, toggle: () => set(now === 0 ? before : 0) };
}
