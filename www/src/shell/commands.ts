// What can be done by name: for the palette, the help, and keys that hold everywhere. Must not know what the commands do.
import { isApple } from "../base/dom";

/** Something that a person can have done. */
export interface Command {
  readonly id: string;
  readonly title: string;
  /** Keys as `Mod+Shift+P`; Mod is ⌘ on a Mac and Ctrl elsewhere. */
  readonly keys?: string;
  /** The editor's and the terminal's own keys are only told, not listened to. */
  readonly told?: boolean;
  readonly run: () => void;
}

/** The commands of the page. */
export class Commands {
  readonly #commands = new Map<string, Command>();

  add(...commands: readonly Command[]): void {
    for (const command of commands) this.#commands.set(command.id, command);
  }

  get all(): readonly Command[] {
    return [...this.#commands.values()];
  }

  run(id: string): void {
    this.#commands.get(id)?.run();
  }

  /** Listens to the keys, except where somebody has taken them already. */
  listen(): void {
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented) return;
      const pressed = chord(event);
      const command = this.all.find(({ keys, told }) => told !== true && keys === pressed);
      if (command === undefined) return;
      event.preventDefault();
      command.run();
    });
  }
}

/** A chord as a person reads it. */
export function spelled(keys: string): string {
  const names: Record<string, string> = isApple ? { Mod: "⌘", Ctrl: "⌃", Shift: "⇧", Alt: "⌥", Enter: "↵" } : { Mod: "Ctrl", Enter: "↵" };
  return keys
    .split("+")
    .map((key) => names[key] ?? key)
    .join(isApple ? "" : " ");
}

function chord(event: KeyboardEvent): string {
  const mod = isApple ? event.metaKey : event.ctrlKey;
  const ctrl = isApple && event.ctrlKey;
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const parts = [mod && "Mod", ctrl && "Ctrl", event.altKey && "Alt", event.shiftKey && key !== "?" && "Shift", key];
  return parts.filter((part) => part !== false).join("+");
}
