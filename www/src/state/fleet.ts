// All sandboxes of the server: followed while somebody looks, and what can be done to each. Must not know markup.
import { Sandbox, SandboxTemplate, type RunOptions, type SandboxStatus, type Snapshot } from "jetway";
import { Cell, type Watched } from "../base/cell";
import { describe, type Problem } from "../base/problem";
import type { Connection } from "./connection";

/** A sandbox as the list shows it: what was heard of it last. */
export interface Entry {
  readonly id: string;
  readonly status: SandboxStatus;
  readonly image: string | undefined;
  readonly tags: readonly string[];
  readonly name: string | undefined;
  readonly startedAt: Date | undefined;
  readonly sandbox: Sandbox;
}

/** The list, and why it may be out of date. */
export interface Listing {
  readonly known: boolean;
  readonly entries: readonly Entry[];
  readonly problem?: Problem;
}

const LOOK_EVERY_MS = 3_000;
/** The annotation in which the page keeps the name that a person gave. */
const NAME = "jetway.playground/name";

/** The sandboxes of the server. */
export class Fleet {
  readonly #connection: Connection;
  readonly #listing = new Cell<Listing>({ known: false, entries: [] });
  #looking: Promise<void> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get listing(): Watched<Listing> {
    return this.#listing;
  }

  /** Keeps looking while the page is in front. */
  watch(): void {
    const look = () => {
      const online = this.#connection.link.value.state === "online";
      if (online && document.visibilityState === "visible") void this.look();
    };
    setInterval(look, LOOK_EVERY_MS);
    this.#connection.link.subscribe(look);
    document.addEventListener("visibilitychange", look);
  }

  /** Asks for the list now; callers in the meantime share the answer. */
  look(): Promise<void> {
    this.#looking ??= this.#ask().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** Starts one with these options; it is in the list at once. */
  start(options: RunOptions, name?: string): Sandbox {
    const annotations = name === undefined ? {} : { annotations: { ...options.annotations, [NAME]: name } };
    const sandbox = Sandbox.run({ ...options, ...annotations, client: this.#connection.client, detached: true });
    void sandbox.start().then(
      () => this.look(),
      () => undefined,
    );
    return sandbox;
  }

  /** Finds one by its id, also one that has ended. */
  find(id: string): Promise<Sandbox> {
    return Sandbox.fromId(id, { client: this.#connection.client });
  }

  templates(): Promise<SandboxTemplate[]> {
    return SandboxTemplate.list({ client: this.#connection.client });
  }

  async stop(entry: Entry): Promise<void> {
    await entry.sandbox.stop({ missingOk: true });
    await this.look();
  }

  async remove(entry: Entry): Promise<void> {
    await entry.sandbox.delete({ missingOk: true });
    await this.look();
  }

  async pause(entry: Entry): Promise<void> {
    await entry.sandbox.pause();
    await this.look();
  }

  /** Goes on with a paused one, whoever paused it: the session that keeps it is found on the server. */
  async resume(entry: Entry): Promise<Sandbox> {
    if (entry.sandbox.sessionId !== undefined) {
      await entry.sandbox.resume();
    } else {
      const { SandboxClient } = await import("jetway/cloud");
      const sessions = await new SandboxClient({ client: this.#connection.client }).listSessions();
      const session = sessions.find(({ sandboxId }) => sandboxId === entry.id);
      if (session === undefined) throw new Error(`no session keeps the sandbox ${entry.id}, so that nothing can be resumed`);
      await Sandbox.resume(session.id, { client: this.#connection.client });
    }
    await this.look();
    return entry.sandbox;
  }

  async snapshot(entry: Entry): Promise<Snapshot> {
    return entry.sandbox.snapshot();
  }

  async fork(entry: Entry): Promise<Sandbox> {
    const forked = await entry.sandbox.fork({ client: this.#connection.client });
    await this.look();
    return forked;
  }

  /** Removes, or with `dryRun` counts, every sandbox with all of these tags. */
  async purge(tags: readonly string[], dryRun: boolean): Promise<{ count: number; failed: readonly string[] }> {
    const report = await Sandbox.purge({ tags, dryRun, client: this.#connection.client });
    if (!dryRun) await this.look();
    return report;
  }

  async #ask(): Promise<void> {
    try {
      const before = new Map(this.#listing.value.entries.map((entry) => [entry.id, entry]));
      const found = await Sandbox.list({ client: this.#connection.client });
      const entries = found.flatMap((sandbox) => {
        const entry = entryOf(sandbox);
        if (entry === undefined) return [];
        // The object that a pause went through knows its session; a new one of the same sandbox does not.
        const known = before.get(entry.id)?.sandbox;
        return [known?.sessionId === undefined ? entry : { ...entry, sandbox: known }];
      });
      entries.sort((one, other) => (other.sandbox.createdAt?.getTime() ?? 0) - (one.sandbox.createdAt?.getTime() ?? 0));
      this.#listing.set({ known: true, entries });
    } catch (error) {
      this.#listing.set({ ...this.#listing.value, problem: describe(error) });
    }
  }
}

function entryOf(sandbox: Sandbox): Entry | undefined {
  const { sandboxId: id, status, image, tags, annotations } = sandbox;
  if (id === undefined) return undefined;
  return { id, status, image, tags, name: annotations[NAME], startedAt: sandbox.startedAt ?? sandbox.createdAt, sandbox };
}
