// How the elements look. Everything that a page may want otherwise is a custom property; the colours have a dark set.

const SHARED = `
:host {
  display: block; box-sizing: border-box; position: relative; color-scheme: light dark;
  --_background: var(--jetway-background, light-dark(#ffffff, #12151a));
  --_foreground: var(--jetway-foreground, light-dark(#1d232b, #dde3ea));
  --_muted: var(--jetway-muted, light-dark(#566170, #9ba6b4));
  --_accent: var(--jetway-accent, light-dark(#2563c9, #6aa5ff));
  --_on-accent: var(--jetway-on-accent, light-dark(#ffffff, #0b1220));
  --_border: var(--jetway-border, light-dark(#d9dde3, #2a303a));
  --_danger: var(--jetway-danger, light-dark(#c1272d, #ff8078));
  --_selection: var(--jetway-selection, light-dark(#cfe0fb, #274166));
  --_mono: var(--jetway-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace);
  --_size: var(--jetway-font-size, 13px);
  background: var(--_background); color: var(--_foreground);
  border: 1px solid var(--_border); border-radius: var(--jetway-radius, 6px); overflow: hidden;
}
:host([hidden]) { display: none; }
button, input { font: 13px/1.3 system-ui, sans-serif; color: inherit; }
button {
  border: 1px solid var(--_border); border-radius: 4px; background: transparent; padding: 4px 10px; cursor: pointer;
}
button:focus-visible, input:focus-visible, textarea:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
button[data-main] { background: var(--_accent); color: var(--_on-accent); border-color: transparent; }
button:disabled { opacity: 0.55; cursor: default; }
[hidden] { display: none !important; }
`;

export const TERMINAL_STYLE = `${SHARED}
:host { height: 320px; }
[part=screen] { position: absolute; inset: 0; padding: 6px 0 6px 8px; }
[part=status], [part=find] {
  position: absolute; right: 12px; z-index: 5; display: flex; gap: 8px; align-items: center; max-width: calc(100% - 24px);
  background: var(--_background); border: 1px solid var(--_border); border-radius: 6px; padding: 6px 10px;
  box-shadow: 0 2px 10px rgb(0 0 0 / 0.18); font: 13px/1.35 system-ui, sans-serif;
}
[part=status] { bottom: 10px; }
[part=status][data-tone=danger] { border-color: var(--_danger); }
[part=find] { top: 8px; }
[part=find] input { width: 12em; min-width: 0; border: 1px solid var(--_border); border-radius: 4px; background: transparent; padding: 4px 6px; }
`;

export const RUN_STYLE = `${SHARED}
[part=code] {
  display: block; box-sizing: border-box; width: 100%; margin: 0; border: 0; padding: 10px 12px; resize: vertical;
  background: transparent; color: inherit; font: var(--_size)/1.5 var(--_mono); tab-size: 4; white-space: pre; overflow: auto;
}
[part=bar] {
  display: flex; gap: 8px; align-items: center; padding: 6px 12px; border-top: 1px solid var(--_border);
  font: 13px/1.35 system-ui, sans-serif; color: var(--_muted);
}
[part=output] {
  padding: 8px 12px; border-top: 1px solid var(--_border); font: var(--_size)/1.45 var(--_mono); white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: var(--jetway-output-height, 24em); overflow: auto;
}
[part=output]:empty { display: none; }
[part=output] [data-kind=stderr], [part=output] [data-kind=error] { color: var(--_danger); }
[part=output] img, [part=output] iframe { display: block; max-width: 100%; border: 0; background: #fff; margin: 4px 0; }
[part=output] iframe { width: 100%; }
`;

/** The text as a style sheet of a shadow root. */
export function applyStyle(root, ...texts) {
  const style = document.createElement("style");
  style.textContent = texts.join("\n");
  root.append(style);
}

const ANSI = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const LIGHT = ["#1d232b", "#b3261e", "#1a7f37", "#8a5a00", "#1b57b5", "#8131ab", "#0b6b7c", "#6b7685"];
const DARK = ["#3a424e", "#ff8078", "#57c47a", "#e0ad4d", "#6aa5ff", "#c79bf2", "#68c7d6", "#c8d0da"];
const LIGHT_BRIGHT = ["#566170", ...LIGHT.slice(1, 7), "#1d232b"];
const DARK_BRIGHT = ["#808b9a", ...DARK.slice(1, 7), "#ffffff"];

/** xterm.js draws by itself: the host's colours have to be handed to it. */
export function terminalTheme(host) {
  const style = getComputedStyle(host);
  const probe = document.createElement("span");
  probe.style.display = "none";
  host.shadowRoot.append(probe);
  // As the browser resolves it: light or dark, and whatever the page nests.
  const colour = (value) => {
    probe.style.color = "";
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const named = (name) => colour(`var(--_${name})`);
  const theme = {
    background: named("background"),
    foreground: named("foreground"),
    cursor: named("accent"),
    cursorAccent: named("background"),
    selectionBackground: named("selection"),
  };
  ANSI.forEach((name, at) => {
    const bright = `bright${name[0].toUpperCase()}${name.slice(1)}`;
    theme[name] = colour(`var(--jetway-ansi-${name}, light-dark(${LIGHT[at]}, ${DARK[at]}))`);
    theme[bright] = colour(`var(--jetway-ansi-bright-${name}, light-dark(${LIGHT_BRIGHT[at]}, ${DARK_BRIGHT[at]}))`);
  });
  probe.remove();
  return { theme, fontFamily: style.getPropertyValue("--_mono").trim(), fontSize: parseFloat(style.getPropertyValue("--_size")) || 13 };
}
