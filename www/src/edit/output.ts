// The output of a program: text that arrives faster than anybody reads. Written in batches, bounded in size. Must not
// know where the text comes from.

/** Who wrote a piece of output; `note` is the page itself. */
export type OutputKind = "stdout" | "stderr" | "stdin" | "note" | "problem";

/** How much text stays on the page; more than a person scrolls through, little enough to lay out in a frame. */
const KEPT_CHARACTERS = 200_000;
/** Longest text node that is still extended, so that the oldest text can be dropped in pieces. */
const PIECE_CHARACTERS = 8_192;
/** A timer and not an animation frame: a page in the background must not pile up output without bound. */
const FLUSH_AFTER_MS = 16;
/** Distance from the end, in pixels, that still counts as "reading the newest line". */
const FOLLOW_MARGIN = 24;

/** A piece of output as it is kept. */
export interface Written {
  readonly kind: OutputKind;
  readonly text: string;
}

interface Piece {
  readonly kind: OutputKind;
  text: string;
}

/** The panel that shows what a program wrote. */
export class OutputPanel {
  readonly #root: HTMLElement;
  #waiting: Piece[] = [];
  #waitingCharacters = 0;
  #shownCharacters = 0;
  #dropped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** Adds text at the end; it is on the page one batch later. */
  append(kind: OutputKind, text: string): void {
    if (text === "") return;
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.kind === kind && last.text.length < PIECE_CHARACTERS) last.text += text;
    else this.#waiting.push({ kind, text });
    this.#waitingCharacters += text.length;
    this.#boundWaiting();
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER_MS);
  }

  /** Something that is no text: a plot, a table. */
  show(node: HTMLElement): void {
    this.flush();
    const end = this.#distance();
    this.#root.append(node);
    if (end <= FOLLOW_MARGIN) this.#root.scrollTop = this.#root.scrollHeight;
  }

  /** All text that is shown, the newest if that is too much. */
  written(most: number): Written[] {
    this.flush();
    const pieces = [...this.#root.querySelectorAll<HTMLElement>(":scope > [data-kind]")];
    let left = most;
    const taken: Written[] = [];
    for (const piece of pieces.reverse()) {
      if (left <= 0) break;
      const text = (piece.textContent ?? "").slice(-left);
      left -= text.length;
      taken.unshift({ kind: kindOf(piece.dataset["kind"]), text });
    }
    return taken;
  }

  /** A line of the page's own, which starts on a line of its own. */
  note(kind: "note" | "problem" | "stderr", text: string): void {
    this.flush();
    const before = this.#root.lastElementChild?.textContent ?? "\n";
    this.append(kind, `${before.endsWith("\n") ? "" : "\n"}${text}\n`);
    this.flush();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    this.#waitingCharacters = 0;
    this.#shownCharacters = 0;
    this.#dropped = false;
    this.#root.replaceChildren();
  }

  /** Puts what waits on the page now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pieces = this.#waiting;
    if (pieces.length === 0) return;
    this.#waiting = [];
    this.#waitingCharacters = 0;
    const end = this.#distance();
    for (const piece of pieces) this.#show(piece);
    this.#dropOldest();
    if (end <= FOLLOW_MARGIN) this.#root.scrollTop = this.#root.scrollHeight;
  }

  #distance(): number {
    return this.#root.scrollHeight - this.#root.scrollTop - this.#root.clientHeight;
  }

  #show(piece: Piece): void {
    this.#shownCharacters += piece.text.length;
    const last = this.#root.lastElementChild;
    const node = last?.firstChild;
    if (last instanceof HTMLElement && last.dataset["kind"] === piece.kind && node instanceof Text) {
      if (node.length < PIECE_CHARACTERS) {
        node.appendData(piece.text);
        return;
      }
    }
    const span = document.createElement("span");
    span.dataset["kind"] = piece.kind;
    span.append(document.createTextNode(piece.text));
    this.#root.append(span);
  }

  #dropOldest(): void {
    while (this.#shownCharacters > KEPT_CHARACTERS && this.#root.childElementCount > 1) {
      const oldest = this.#root.firstElementChild;
      if (oldest === null) break;
      this.#shownCharacters -= oldest.textContent.length;
      oldest.remove();
      this.#dropped = true;
    }
    if (!this.#dropped || this.#root.firstElementChild?.getAttribute("data-kind") === "dropped") return;
    const mark = document.createElement("span");
    mark.dataset["kind"] = "dropped";
    mark.textContent = "… earlier output is no longer shown\n";
    this.#root.prepend(mark);
    this.#shownCharacters += mark.textContent.length;
  }

  #boundWaiting(): void {
    while (this.#waitingCharacters > KEPT_CHARACTERS && this.#waiting.length > 1) {
      const oldest = this.#waiting.shift();
      this.#waitingCharacters -= oldest?.text.length ?? 0;
      this.#dropped = true;
    }
  }
}

function kindOf(kind: string | undefined): OutputKind {
  const kinds: readonly OutputKind[] = ["stdout", "stderr", "stdin", "note", "problem"];
  return kinds.find((known) => known === kind) ?? "note";
}
