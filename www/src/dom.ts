// Finding and making the page's elements. Must not know what they are for.

/** The element with this id, of this class; the page is broken without it, so a miss is an error that names it. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no <${type.name}> with the id "${id}"`);
  return found;
}

/** A button that is not in index.html. */
export function button(label: string, onClick: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", onClick);
  return made;
}

/** True where the platform's command key is ⌘. */
export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
