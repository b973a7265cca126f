// What a panel gets from the page, and what it gives back. Panels know this and `base/`, never each other.
import type { Sandbox } from "jetway";
import type { Problem } from "./base/problem";
import type { Commands } from "./shell/commands";
import type { Connection } from "./state/connection";
import type { Fleet } from "./state/fleet";
import type { Trace } from "./state/trace";
import type { Workspace } from "./state/workspace";

/** The places of the page. */
export type PanelId = "sandboxes" | "code" | "notebook" | "files" | "logs" | "services" | "processes" | "connection" | "terminal";

/** What every panel is given. */
export interface Context {
  /** The server: is it there, and the client to call it with. */
  readonly connection: Connection;
  /** The sandbox that the panels are about. */
  readonly workspace: Workspace;
  /** All sandboxes of the server. */
  readonly fleet: Fleet;
  /** What can be done by name and by key. */
  readonly commands: Commands;
  /** How calls travelled and how long they took. */
  readonly trace: Trace;
  /** The sandbox to work in, started where there is none. Rejects with what is known about a server that is away. */
  readonly sandbox: () => Promise<Sandbox>;
  /** Something failed that a lost server or a lost sandbox would explain: both are asked. */
  readonly suspect: (error: unknown) => void;
  /** Brings a panel to the front and gives it the keyboard. */
  readonly show: (panel: PanelId) => void;
  /** Opens a file of the sandbox in the editor. */
  readonly openFile: (path: string) => void;
  /** Tells a person that something was done. */
  readonly tell: (text: string) => void;
  /** Tells a person that something failed. */
  readonly complain: (problem: Problem) => void;
}

/** What the page may ask of a panel. */
export interface Panel {
  /** It comes to the front. */
  readonly shown?: () => void;
  /** It leaves the front: what it follows can wait. */
  readonly hidden?: () => void;
  /** It gets the keyboard. */
  readonly focus?: () => void;
  /** A file is to be shown; for the panel with the editor. */
  readonly openFile?: (path: string) => void;
}

/** Fills a place with a panel. Every panel's `mount.ts` exports one. */
export type Mount = (host: HTMLElement, context: Context) => Panel | Promise<Panel>;
