// What an editor has beside the text itself: its grammar, completion, brackets that close themselves, search. None of it
// is needed to show a program or to run it, so it comes after the page's first view.
import type { Extension } from "@codemirror/state";
import { afterFirstView } from "../base/first_view";
import type { Language } from "./languages";

/** The extensions, for the compartment that `setup` left for them. */
export async function assistance(language: Language): Promise<Extension> {
  await afterFirstView;
  const [{ COMFORT }, grammar] = await Promise.all([import("./comfort"), language.grammar()]);
  return [COMFORT, grammar];
}
