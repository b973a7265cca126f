// The program's text: one CodeMirror view, one document per language, drafts that survive a reload. Must not know how
// a program is run.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Language } from "./languages";

/** How long the text must rest before it is kept. */
const KEEP_AFTER_MS = 400;

// Colours are the page's own custom properties, so that light and dark need no second theme.
const APPEARANCE = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--text)", fontSize: "var(--code-size)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--accent)", padding: "10px 0" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--faint)", border: "none", paddingLeft: "6px" },
  ".cm-activeLine": { backgroundColor: "var(--line-highlight)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--text)" },
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
  { tag: [tags.className, tags.typeName, tags.self], color: "var(--syntax-type)" },
  { tag: tags.invalid, color: "var(--danger)" },
]);

/** What the editor tells the page. */
export interface EditorEvents {
  readonly onRun: () => void;
}

/** The editor of the page. */
export class ProgramEditor {
  readonly #view: EditorView;
  readonly #events: EditorEvents;
  readonly #grammar = new Compartment();
  readonly #documents = new Map<string, EditorState>();
  #language: Language | undefined;
  #keepTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(parent: HTMLElement, events: EditorEvents) {
    this.#events = events;
    this.#view = new EditorView({ parent });
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  focus(): void {
    this.#view.focus();
  }

  /** Shows the document of a language; undo history and selection of the others stay as they were. */
  show(language: Language): void {
    if (this.#language?.id === language.id) return;
    if (this.#language !== undefined) this.#documents.set(this.#language.id, this.#view.state);
    this.#language = language;
    const known = this.#documents.get(language.id);
    if (known !== undefined) {
      this.#view.setState(known);
      return;
    }
    this.#view.setState(EditorState.create({ doc: readDraft(language), extensions: this.#extensions(language) }));
    void this.#loadGrammar(language);
  }

  async #loadGrammar(language: Language): Promise<void> {
    const support = await language.grammar();
    const effects = this.#grammar.reconfigure(support);
    if (this.#language?.id === language.id) this.#view.dispatch({ effects });
    const parked = this.#documents.get(language.id);
    if (parked !== undefined) this.#documents.set(language.id, parked.update({ effects }).state);
  }

  #extensions(language: Language): Extension {
    const run = { key: "Mod-Enter", preventDefault: true, run: () => (this.#events.onRun(), true) };
    return [
      Prec.highest(keymap.of([run])),
      lineNumbers(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of(language.id === "python" ? "    " : "  "),
      bracketMatching(),
      closeBrackets(),
      autocompletion(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      keymap.of([
        ...closeBracketsKeymap,
        ...completionKeymap,
        ...defaultKeymap,
        ...searchKeymap,
        ...historyKeymap,
        indentWithTab,
      ]),
      this.#grammar.of([]),
      syntaxHighlighting(HIGHLIGHTING),
      APPEARANCE,
      EditorView.contentAttributes.of({
        "aria-label": `${language.label}. Escape, then Tab leaves the editor.`,
        spellcheck: "false",
        // Contenteditable is focusable by itself, but not every checker and reader knows.
        tabindex: "0",
      }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) this.#keepDraft(language);
      }),
    ];
  }

  #keepDraft(language: Language): void {
    clearTimeout(this.#keepTimer);
    this.#keepTimer = setTimeout(() => writeDraft(language, this.#documentOf(language)), KEEP_AFTER_MS);
  }

  #documentOf(language: Language): string {
    if (this.#language?.id === language.id) return this.text;
    return this.#documents.get(language.id)?.doc.toString() ?? "";
  }
}

/** The kept text, or the sample: an emptied program brings the sample back at the next visit. */
function readDraft(language: Language): string {
  try {
    return localStorage.getItem(draftKey(language)) || language.sample;
  } catch {
    return language.sample;
  }
}

function writeDraft(language: Language, text: string): void {
  try {
    localStorage.setItem(draftKey(language), text);
  } catch {
    // Storage is full or forbidden: the draft then lives as long as the page, which costs nothing else.
  }
}

function draftKey(language: Language): string {
  return `jetway.draft.${language.id}`;
}
