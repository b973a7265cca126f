// The one sandbox of this page: made, replaced, watched, stopped. Must not know editor, terminal or markup.
import { Sandbox } from "jetway";
import { Cell, type Watched } from "./cell";
import type { Connection } from "./connection";
import { describe, type Problem } from "./problem";

/** Where the sandbox is in its life, as far as the page cares. */
export type Phase = "none" | "starting" | "running" | "stopping" | "ended" | "failed";

/** The sandbox as the page shows it. */
export interface SandboxView {
  readonly phase: Phase;
  readonly image?: string;
  readonly sandbox?: Sandbox;
  readonly id?: string;
  readonly problem?: Problem;
}

/** A sandbox that nobody deletes ends by itself after this time: the guarantee behind the library's best effort. */
const LEASE_SECONDS = 4 * 60 * 60;
const WATCH_EVERY_MS = 5_000;

/** The page's sandbox. */
export class Workspace {
  readonly #connection: Connection;
  readonly #view = new Cell<SandboxView>({ phase: "none" });
  /** The start that `running()` waits for. */
  #starting: Promise<Sandbox> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get view(): Watched<SandboxView> {
    return this.#view;
  }

  /** Makes a sandbox in place of the one that is there. */
  create(image: string | undefined): Promise<Sandbox> {
    const replaced = this.#view.value.sandbox;
    const started = this.#start(image);
    this.#starting = started;
    if (replaced !== undefined) void this.#remove(replaced);
    return started;
  }

  /** The running sandbox, started first where there is none. */
  async running(image: string | undefined): Promise<Sandbox> {
    const { phase, sandbox } = this.#view.value;
    if (phase === "running" && sandbox !== undefined) return sandbox;
    if (phase === "starting" && this.#starting !== undefined) return this.#starting;
    return this.create(image);
  }

  /** Stops and deletes the sandbox. */
  async stop(): Promise<void> {
    const { sandbox, image } = this.#view.value;
    if (sandbox === undefined) return;
    this.#starting = undefined;
    const kept = image === undefined ? {} : { image };
    this.#view.set({ ...this.#view.value, phase: "stopping" });
    await this.#remove(sandbox);
    if (this.#view.value.sandbox === sandbox) this.#view.set({ phase: "none", ...kept });
  }

  /** Asks the server what became of the sandbox. */
  async refresh(): Promise<void> {
    const { phase, sandbox } = this.#view.value;
    if (phase !== "running" || sandbox === undefined) return;
    try {
      const status = await sandbox.getStatus();
      if (status === "running" || status === "paused" || status === "unspecified") return;
      this.#ended(sandbox, { message: `The sandbox is ${status}.`, hint: "Start a new one to go on." });
    } catch (error) {
      const problem = describe(error);
      if (problem.code === "not_found") this.#ended(sandbox, problem);
      else await this.#connection.check();
    }
  }

  /** Watches the sandbox while the page is in front. When the page goes, the library deletes it. */
  watch(): void {
    setInterval(() => {
      const online = this.#connection.link.value.state === "online";
      if (online && document.visibilityState === "visible") void this.refresh();
    }, WATCH_EVERY_MS);
  }

  async #start(image: string | undefined): Promise<Sandbox> {
    const asked = image === undefined ? {} : { image };
    const sandbox = Sandbox.run({
      ...asked,
      client: this.#connection.client,
      maxLifetimeSeconds: LEASE_SECONDS,
      tags: ["playground"],
    });
    this.#view.set({ phase: "starting", ...asked, sandbox });
    try {
      await sandbox.wait();
      if (this.#view.value.sandbox === sandbox) {
        this.#view.set({ phase: "running", ...asked, sandbox, ...identity(sandbox) });
      }
      return sandbox;
    } catch (error) {
      if (this.#view.value.sandbox === sandbox) this.#view.set({ phase: "failed", ...asked, problem: describe(error) });
      throw error;
    }
  }

  #ended(sandbox: Sandbox, problem: Problem): void {
    const { image, id } = this.#view.value;
    if (this.#view.value.sandbox !== sandbox) return;
    this.#starting = undefined;
    this.#view.set({
      phase: "ended",
      problem,
      ...(image === undefined ? {} : { image }),
      ...(id === undefined ? {} : { id }),
    });
  }

  /** Deleting is best effort: what does not reach the server ends with its lease. */
  async #remove(sandbox: Sandbox): Promise<void> {
    try {
      await sandbox.delete({ missingOk: true });
    } catch (error) {
      console.warn("jetway: the sandbox was not deleted and ends with its lease:", describe(error).message);
    }
  }
}

function identity(sandbox: Sandbox): { id?: string } {
  const id = sandbox.sandboxId;
  return typeof id === "string" ? { id } : {};
}
