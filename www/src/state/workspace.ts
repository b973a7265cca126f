// The sandbox that the panels are about: found again after a reload, made where there is none, changed, watched. Must
// not know editor, terminal or markup.
import type { RunOptions, Sandbox } from "jetway";
import { Cell, type Watched } from "../base/cell";
import { keep, recall } from "../base/keep";
import { describe, type Problem } from "../base/problem";
import type { Connection } from "./connection";
import type { Fleet } from "./fleet";

/** Where the sandbox is in its life, as far as the page cares. */
export type Phase = "none" | "starting" | "running" | "paused" | "stopping" | "ended" | "failed";

/** The sandbox as the page shows it. */
export interface SandboxView {
  readonly phase: Phase;
  readonly image?: string;
  readonly sandbox?: Sandbox;
  readonly id?: string;
  readonly problem?: Problem;
}

/** Where the page's programs lie: a scratch volume, so that snapshots and forks take it along. */
export const HOME = "/workspace";
/** The tag of every sandbox that a page made. */
export const TAG = "playground";
/** A sandbox that nobody deletes ends by itself after this time: it outlives its page, so that a reload finds it. */
const LEASE_SECONDS = 4 * 60 * 60;
const WATCH_EVERY_MS = 5_000;

/** What a sandbox of the page has unless its form says otherwise. */
export function usualOptions(image: string | undefined): RunOptions {
  return {
    ...(image === undefined ? {} : { image }),
    cwd: HOME,
    tags: [TAG],
    maxLifetimeSeconds: LEASE_SECONDS,
    volumes: [{ mountPath: HOME }],
    services: [{ port: 8080, visibility: "public" }],
  };
}

/** The page's sandbox. */
export class Workspace {
  readonly #connection: Connection;
  readonly #fleet: Fleet;
  readonly #view = new Cell<SandboxView>({ phase: "none" });
  /** The start that `running()` waits for. */
  #starting: Promise<Sandbox> | undefined;
  /** What the last sandbox was made from, for another of its kind. */
  #options: RunOptions | undefined;

  constructor(connection: Connection, fleet: Fleet) {
    this.#connection = connection;
    this.#fleet = fleet;
  }

  get view(): Watched<SandboxView> {
    return this.#view;
  }

  /** Makes a sandbox and takes it; those that were there before go on. Rejects when it does not start. */
  create(options: RunOptions, name?: string): Promise<Sandbox> {
    this.#options = options;
    const sandbox = this.#fleet.start(options, name);
    const started = this.#follow(sandbox, options.image ?? undefined);
    this.#starting = started;
    return started;
  }

  /** Another of the kind that was made last, else of the server's default image. */
  another(): Promise<Sandbox> {
    return this.create(this.#options ?? usualOptions(this.#connection.link.value.server?.defaultImage));
  }

  /** Takes a sandbox that is there. */
  async select(sandbox: Sandbox): Promise<void> {
    if (sandbox.sandboxId !== undefined && sandbox.sandboxId === this.#view.value.id && this.#view.value.phase === "running") return;
    const { status, image } = sandbox;
    this.#starting = undefined;
    if (status === "paused") this.#set({ phase: "paused", sandbox, ...known(image), ...identity(sandbox) });
    else await this.#follow(sandbox, image);
  }

  /** The one that this browser used last, else the newest that a page made, else a new one. */
  async find(): Promise<void> {
    const remembered = recall("sandbox");
    try {
      await this.#fleet.look();
      const usable = this.#fleet.listing.value.entries.filter(({ status }) => status !== "terminating");
      const found = usable.find(({ id }) => id === remembered) ?? usable.find(({ tags }) => tags.includes(TAG));
      if (found !== undefined) await this.select(found.sandbox);
      else await this.another();
    } catch (error) {
      if (this.#view.value.phase === "none") this.#set({ phase: "failed", problem: describe(error) });
    }
  }

  /** The running sandbox, started first where there is none. */
  async running(): Promise<Sandbox> {
    const { phase, sandbox } = this.#view.value;
    if (phase === "running" && sandbox !== undefined) return sandbox;
    if (phase === "starting" && this.#starting !== undefined) return this.#starting;
    if (phase === "paused" && sandbox !== undefined) {
      throw new Error("The sandbox is paused. Resume it in the list of sandboxes, then repeat.");
    }
    return this.another();
  }

  /** Stops and deletes the sandbox. */
  async stop(): Promise<void> {
    const { sandbox } = this.#view.value;
    if (sandbox === undefined) return;
    this.#starting = undefined;
    this.#set({ ...this.#view.value, phase: "stopping" });
    await sandbox.delete({ missingOk: true });
    if (this.#view.value.sandbox === sandbox) this.leave();
    await this.#fleet.look();
  }

  /** Has no sandbox any more; the next run makes one. */
  leave(): void {
    keep("sandbox", undefined);
    this.#set({ phase: "none" });
  }

  /** Asks the server what became of the sandbox. */
  async refresh(): Promise<void> {
    const { phase, sandbox } = this.#view.value;
    if ((phase !== "running" && phase !== "paused") || sandbox === undefined) return;
    try {
      const status = await sandbox.getStatus();
      if (this.#view.value.sandbox !== sandbox || status === "unspecified") return;
      if (status === "running" || status === "paused") {
        if (this.#view.value.phase !== status) this.#set({ ...this.#view.value, phase: status });
        return;
      }
      this.#ended(sandbox, { message: `The sandbox is ${status}.`, hint: "Start a new one to go on." });
    } catch (error) {
      const problem = describe(error);
      if (problem.code === "not_found") this.#ended(sandbox, problem);
      else await this.#connection.check();
    }
  }

  /** Watches the sandbox while the page is in front. */
  watch(): void {
    setInterval(() => {
      const online = this.#connection.link.value.state === "online";
      if (online && document.visibilityState === "visible") void this.refresh();
    }, WATCH_EVERY_MS);
  }

  async #follow(sandbox: Sandbox, image: string | undefined): Promise<Sandbox> {
    this.#set({ phase: "starting", ...known(image), sandbox, ...identity(sandbox) });
    try {
      await sandbox.wait();
      if (this.#view.value.sandbox === sandbox) {
        this.#set({ phase: "running", ...known(sandbox.image ?? image), sandbox, ...identity(sandbox) });
      }
      return sandbox;
    } catch (error) {
      if (this.#view.value.sandbox === sandbox) this.#set({ phase: "failed", ...known(image), problem: describe(error) });
      throw error;
    }
  }

  #set(view: SandboxView): void {
    if (view.id !== undefined) keep("sandbox", view.id);
    this.#view.set(view);
  }

  #ended(sandbox: Sandbox, problem: Problem): void {
    const { image, id } = this.#view.value;
    if (this.#view.value.sandbox !== sandbox) return;
    this.#starting = undefined;
    this.#set({ phase: "ended", problem, ...known(image), ...(id === undefined ? {} : { id }) });
  }
}

function known(image: string | undefined): { image?: string } {
  return image === undefined ? {} : { image };
}

function identity(sandbox: Sandbox): { id?: string } {
  const id = sandbox.sandboxId;
  return typeof id === "string" ? { id } : {};
}
