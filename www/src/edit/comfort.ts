// Completion, closing brackets and search: the same for every language, and loaded after the first view.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { type Extension, Prec } from "@codemirror/state";
import { keymap } from "@codemirror/view";

/** Its keys come before the usual ones, which would take Enter and Backspace from it. */
export const COMFORT: Extension = [
  closeBrackets(),
  autocompletion(),
  highlightSelectionMatches(),
  Prec.high(keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap])),
];
