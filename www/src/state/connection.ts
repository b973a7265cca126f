// The page's link to its server: a short-lived token minted for this page, the client that uses it, and whether the
// server answers. Must not know sandboxes.
import { Client } from "jetway";
import { Cell, type Watched } from "../base/cell";
import { describe, type Problem } from "../base/problem";
import type { Trace } from "./trace";

/** What the server says about itself when it mints a token. */
export interface ServerInfo {
  readonly version: string;
  /** Absent where the server can start none without a download. */
  readonly defaultImage?: string;
  readonly images: readonly string[];
}

/** Whether the server answers: `refused` means that it answers and does not let this page in. */
export type LinkState = "connecting" | "online" | "offline" | "refused";

/** The link as the page shows it; `server` is what was last known. */
export interface Link {
  readonly state: LinkState;
  readonly server?: ServerInfo;
  readonly problem?: Problem;
}

interface PageToken extends ServerInfo {
  readonly token: string;
  readonly expiresInMs: number;
}

/** How often to look: a server that went away is missed more than one that is there or has said no. */
const CHECK_EVERY_MS: Record<LinkState, number> = { connecting: 1_500, offline: 1_500, online: 5_000, refused: 5_000 };
const ANSWER_WITHIN_MS = 8_000;

/** Thrown when the server answers and refuses this page. */
class PageRefused extends Error {
  override name = "PageRefused";
}

/** The one connection of the page. */
export class Connection {
  readonly client: Client;
  readonly #link = new Cell<Link>({ state: "connecting" });
  #checking: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** What the page's token ends with and until when it holds, for a person to see which it is. */
  token: { readonly tail: string; readonly until: Date } | undefined;
  /** How long the server took to answer the last time it was asked whether it is there. */
  latencyMs: number | undefined;

  constructor(trace: Trace) {
    this.client = new Client({
      interceptors: [trace.interceptor],
      auth: async () => {
        const { token, expiresInMs } = await this.#mint();
        return { token, expiresInMs };
      },
    });
  }

  get link(): Watched<Link> {
    return this.#link;
  }

  /** Connects and keeps looking; looks at once when the machine or the page wakes up. */
  start(): void {
    const look = () => void this.check();
    addEventListener("online", look);
    addEventListener("offline", look);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") look();
    });
    look();
  }

  /** Asks the server now whether it is there; callers in the meantime share the answer. */
  check(): Promise<void> {
    this.#checking ??= this.#look().finally(() => {
      this.#checking = undefined;
      this.#checkLater();
    });
    return this.#checking;
  }

  async #look(): Promise<void> {
    try {
      if (this.#link.value.state !== "online") await this.#mint();
      else {
        const begun = performance.now();
        await answer("healthz", { method: "GET" });
        this.latencyMs = performance.now() - begun;
      }
    } catch (error) {
      this.#lost(error);
    }
  }

  #checkLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (document.visibilityState === "visible") void this.check();
      else this.#checkLater();
    }, CHECK_EVERY_MS[this.#link.value.state]);
  }

  async #mint(): Promise<PageToken> {
    let minted: PageToken;
    try {
      const response = await answer("page/token", { method: "POST" });
      minted = readToken(await response.json());
    } catch (error) {
      this.#lost(error);
      throw error;
    }
    const { token, expiresInMs, ...server } = minted;
    this.token = { tail: token.slice(-4), until: new Date(Date.now() + expiresInMs) };
    this.#change({ state: "online", server });
    return minted;
  }

  #lost(error: unknown): void {
    const { server } = this.#link.value;
    const known = server === undefined ? {} : { server };
    if (error instanceof PageRefused) this.#change({ state: "refused", problem: describe(error), ...known });
    else this.#change({ state: "offline", problem: OFFLINE, ...known });
  }

  /** Tells the views only what is new to them. */
  #change(link: Link): void {
    const before = this.#link.value;
    const same = before.state === link.state && before.problem?.message === link.problem?.message;
    if (same && before.server?.version === link.server?.version) return;
    this.#link.set(link);
  }
}

const OFFLINE: Problem = {
  message: "The server does not answer.",
  hint: "Is `jetway serve` still running? This page reconnects by itself when it is back.",
};

/** One request of the page's own to its server, answered with success or an error that says why not. */
async function answer(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(new URL(path, document.baseURI), {
    ...init,
    cache: "no-store",
    credentials: "same-origin",
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (response.ok) return response;
  const message = await refusal(response);
  if (response.status === 401 || response.status === 403) throw new PageRefused(message);
  throw new Error(message);
}

async function refusal(response: Response): Promise<string> {
  const fallback = `The server answered ${response.status} to this page. Open the link that \`jetway serve\` printed.`;
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null && "message" in body && typeof body.message === "string") {
      return body.message;
    }
    return fallback;
  } catch {
    return fallback;
  }
}

function readToken(body: unknown): PageToken {
  if (typeof body !== "object" || body === null) throw new TypeError("page/token did not answer with an object");
  const { token, expiresInMs, defaultImage, images, version } = body as Record<string, unknown>;
  if (typeof token !== "string" || typeof expiresInMs !== "number") {
    throw new TypeError("page/token lacks token or expiresInMs");
  }
  return {
    token,
    expiresInMs,
    ...(typeof defaultImage === "string" ? { defaultImage } : {}),
    images: Array.isArray(images) ? images.filter((name) => typeof name === "string") : [],
    version: typeof version === "string" ? version : "",
  };
}
