// The text of the file in front: one CodeMirror view, one state per file, so that undo history and selection stay. Must
// not know how a program is run.
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, type KeyBinding } from "@codemirror/view";
import { assistance } from "../edit/assistance";
import { type Language, languageOf } from "../edit/languages";
import { setup } from "../edit/setup";
import type { Document, Documents } from "./documents";

/** The editor of the code panel. */
export class FileEditor {
  readonly #view: EditorView;
  readonly #documents: Documents;
  readonly #keys: readonly KeyBinding[];
  readonly #assistance = new Compartment();
  readonly #parked = new Map<string, EditorState>();
  #path: string | undefined;

  constructor(parent: HTMLElement, documents: Documents, keys: readonly KeyBinding[]) {
    this.#documents = documents;
    this.#keys = keys;
    this.#view = new EditorView({ parent });
    documents.open.subscribe(() => this.#follow());
  }

  focus(): void {
    this.#view.focus();
  }

  #follow(): void {
    const front = this.#documents.front;
    if (front === undefined) return;
    const open = new Set(this.#documents.open.value.documents.map(({ path }) => path));
    for (const path of this.#parked.keys()) if (!open.has(path)) this.#parked.delete(path);
    if (this.#path === front.path) {
      // The same file with another text: it was read anew. What was typed is the view's own already.
      if (this.#view.state.doc.toString() !== front.text) {
        this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: front.text } });
      }
      return;
    }
    if (this.#path !== undefined && open.has(this.#path)) this.#parked.set(this.#path, this.#view.state);
    this.#path = front.path;
    const parked = this.#parked.get(front.path);
    if (parked !== undefined && parked.doc.toString() === front.text) this.#view.setState(parked);
    else this.#begin(front);
  }

  #begin({ path, text }: Document): void {
    const language = languageOf(path);
    const onChange = () => {
      if (this.#path === path) this.#documents.typed(path, this.#view.state.doc.toString());
    };
    const extensions = setup({ language, label: path.slice(path.lastIndexOf("/") + 1), keys: this.#keys, assistance: this.#assistance, onChange });
    this.#view.setState(EditorState.create({ doc: text, extensions }));
    void this.#assist(path, language);
  }

  async #assist(path: string, language: Language): Promise<void> {
    const effects = this.#assistance.reconfigure(await assistance(language));
    if (this.#path === path) this.#view.dispatch({ effects });
    const parked = this.#parked.get(path);
    if (parked !== undefined) this.#parked.set(path, parked.update({ effects }).state);
  }
}
