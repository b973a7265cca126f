/**
 * `<jetway-terminal>` and `<jetway-run>`: custom elements without a framework. Importing this module defines them; where
 * there is no DOM (server-side rendering) it does nothing. xterm.js is part of the package and loaded when the first
 * terminal opens.
 */

import type { Client, ClientOptions, Execution, Sandbox, TerminalSession } from "./index.js";

/** What elements take that say nothing else. */
export interface ElementsOptions {
  /** The server. Default: the page's own origin; for a module that came from `jetway serve`, that server. */
  baseUrl?: string | undefined;
  /** As `auth` of a {@link Client}. */
  auth?: ClientOptions["auth"];
  client?: Client | undefined;
  /** Image of new sandboxes, or what gives one. Default: the server's. */
  image?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
}
/** Sets what elements take that say nothing else. Call it before the first of them starts. */
export function configureElements(options: ElementsOptions): void;

/**
 * What both elements have. Attributes: `base-url`, `token` (for tokens that are meant for this page), `sandbox-id` to work
 * in a sandbox that is there, `image` for a new one, `group` for elements that share one. A sandbox that an element made
 * is deleted when the element leaves the page, or the page its tab, and after an hour at the latest.
 */
interface JetwayElement extends HTMLElement {
  /** The sandbox to work in, instead of one by attributes. */
  sandbox: Sandbox | undefined;
  /** The client to use, instead of one by attributes. */
  client: Client | undefined;
  /** A token, or an async function that gives one. Set it before the element is in the page. */
  auth: ClientOptions["auth"];
  /** Ends what runs, and deletes the sandbox if the element made it. So does taking the element out of the page. */
  close(): Promise<void>;
}

/** The life of a `<jetway-terminal>`; also in its `data-state` attribute. */
export type TerminalElementState = "idle" | "starting" | "open" | "reconnecting" | "ended" | "failed";

/** Where an xterm.js terminal comes from; typed without its package. */
export interface XtermTerminal {
  readonly cols: number;
  readonly rows: number;
  readonly buffer: unknown;
  write(data: string | Uint8Array, callback?: () => void): void;
  focus(): void;
  clear(): void;
  hasSelection(): boolean;
  getSelection(): string;
}

/**
 * A shell in a sandbox. It survives a lost connection and a sleeping machine, with `restore` also a reload. Attributes,
 * beside those of both elements: `command` (a line to run instead of a shell), `cwd`, `keep` (the name under which it is
 * kept; `"false"` for a plain one), `restore` (keeps the picture over a reload; give each terminal of a page another
 * value), `manual` (waits for `start()`), `label` (its name for screen readers), `scrollback` (lines, 5000), `renderer`
 * (`"auto"` or `"dom"`), `screen-reader` (keeps the lines readable for one). Keys: Ctrl+Shift+C and Ctrl+Shift+V, Ctrl+C
 * with a selection, Ctrl+V, Ctrl+Shift+F.
 *
 * Custom properties: `--jetway-background`, `-foreground`, `-muted`, `-accent`, `-on-accent`, `-border`, `-danger`,
 * `-selection`, `-font-family`, `-font-size`, `-radius`, and `--jetway-ansi-red`, `--jetway-ansi-bright-red` and so on.
 * Parts: `screen`, `status`, `find`.
 */
export class JetwayTerminal extends HTMLElement implements JetwayElement {
  sandbox: Sandbox | undefined;
  client: Client | undefined;
  auth: ClientOptions["auth"];
  readonly state: TerminalElementState;
  /** The session of the shell, once there is one. */
  readonly session: TerminalSession | undefined;
  /** The xterm.js terminal, once it is loaded. */
  readonly terminal: XtermTerminal | undefined;
  /** Opens the shell, or another one after it ended. Never rejects: what goes wrong is shown, and told by events. */
  start(): Promise<void>;
  /** Clears the screen and the scroll-back. */
  clear(): void;
  /** Looks for text in what is shown and in the scroll-back; whether it was found. */
  find(text: string, options?: { backwards?: boolean | undefined }): boolean;
  /** Reads the page's colours anew, where they changed by something else than light and dark. */
  restyle(): void;
  close(): Promise<void>;
  addEventListener<K extends keyof JetwayTerminalEventMap>(
    type: K,
    listener: (this: JetwayTerminal, event: JetwayTerminalEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

export interface JetwayTerminalEventMap extends HTMLElementEventMap {
  "jetway-statechange": CustomEvent<
    | { readonly state: "idle" | "starting" }
    | { readonly state: "open"; readonly kept: boolean; readonly resumed: boolean }
    | { readonly state: "reconnecting"; readonly attempt: number; readonly delayMs: number; readonly error: Error }
    | { readonly state: "ended"; readonly exitCode: number }
    | { readonly state: "failed"; readonly error: unknown }
  >;
  "jetway-exit": CustomEvent<{ readonly exitCode: number }>;
  "jetway-error": CustomEvent<{ readonly error: unknown }>;
}

/**
 * Code that a reader can change and run, with its output below it. The code is the text between its tags, or `code`.
 * Attributes, beside those of both elements: `language` (`"python"`), `readonly`, `autorun`, `label`. Elements of one
 * `group` share a sandbox, and those of one language its interpreter, as the cells of a notebook do. Ctrl+Enter runs;
 * Escape and then Tab leaves the code. Custom properties as of {@link JetwayTerminal}, and `--jetway-output-height`.
 * Parts: `code`, `bar`, `output`.
 */
export class JetwayRun extends HTMLElement implements JetwayElement {
  sandbox: Sandbox | undefined;
  client: Client | undefined;
  auth: ClientOptions["auth"];
  code: string;
  readonly state: "idle" | "running" | "failed";
  /** Runs the code. Resolves to undefined when it could not be run, which is shown and told by an event. */
  run(): Promise<Execution | undefined>;
  /** Interrupts it. */
  stop(): void;
  close(): Promise<void>;
  addEventListener<K extends keyof JetwayRunEventMap>(
    type: K,
    listener: (this: JetwayRun, event: JetwayRunEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

export interface JetwayRunEventMap extends HTMLElementEventMap {
  "jetway-statechange": CustomEvent<{ readonly state: "idle" | "running" | "failed" }>;
  "jetway-result": CustomEvent<{ readonly result: Execution }>;
  "jetway-error": CustomEvent<{ readonly error: unknown }>;
}

declare global {
  interface HTMLElementTagNameMap {
    "jetway-terminal": JetwayTerminal;
    "jetway-run": JetwayRun;
  }
}
