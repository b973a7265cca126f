// How every editor of the page looks and behaves: colours, keys, what comes later. Must not know which text it is.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Compartment, type Extension, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  type KeyBinding,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Language } from "./languages";

// Colours are the page's own custom properties, so that light and dark need no second theme.
const APPEARANCE = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--text)", fontSize: "var(--code-size)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--accent)", padding: "10px 0" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--faint)", border: "none", paddingLeft: "6px" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "var(--line-highlight)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLineGutter": { color: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--selection)" },
  ".cm-selectionBackground": { backgroundColor: "var(--selection)" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selection)" },
  ".cm-selectionMatch": { backgroundColor: "var(--line-highlight)" },
  ".cm-panels": { backgroundColor: "var(--bar)", color: "var(--text)" },
  ".cm-tooltip": { backgroundColor: "var(--bar)", color: "var(--text)", border: "1px solid var(--border)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
});

const HIGHLIGHTING = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--syntax-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--syntax-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--syntax-number)" },
  { tag: [tags.comment, tags.meta], color: "var(--syntax-comment)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--syntax-function)" },
  { tag: [tags.className, tags.typeName, tags.self, tags.tagName], color: "var(--syntax-type)" },
  { tag: tags.heading, fontWeight: "600" },
  { tag: tags.invalid, color: "var(--danger)" },
]);

/** What one editor has of its own. */
export interface Setup {
  readonly language: Language;
  /** The editor's name for a screen reader. */
  readonly label: string;
  /** Keys that come before all others. */
  readonly keys: readonly KeyBinding[];
  /** Where `assistance` goes once it is loaded. */
  readonly assistance: Compartment;
  readonly onChange: () => void;
  readonly numbers?: boolean;
}

/** The extensions of an editor. */
export function setup({ language, label, keys, assistance, onChange, numbers = true }: Setup): Extension {
  return [
    Prec.highest(keymap.of([...keys])),
    numbers ? [lineNumbers(), highlightActiveLineGutter()] : [],
    highlightSpecialChars(),
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of(language.indent),
    bracketMatching(),
    highlightActiveLine(),
    keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
    assistance.of([]),
    syntaxHighlighting(HIGHLIGHTING),
    APPEARANCE,
    EditorView.contentAttributes.of({
      "aria-label": `${label}. Escape, then Tab leaves the editor.`,
      spellcheck: "false",
      // Contenteditable is focusable by itself, but not every checker and reader knows.
      tabindex: "0",
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange();
    }),
  ];
}
