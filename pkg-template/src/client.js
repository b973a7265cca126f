// A server and how to call it.

import { checkPage, credentials, lacksEntity, resolveConnection } from "./credentials.js";
import { invalid } from "./errors.js";
import { load, runtimeOf } from "./load.js";
import { checkOptions } from "./options.js";
import { setSignalHandlers } from "./owned.js";
import { guarded } from "./panic.js";

const GRPC_WEB = [["content-type", "application/grpc-web+proto"], ["x-grpc-web", "1"]];

export class Client {
  #options;
  #core;
  #opened;

  constructor(options) {
    this.#options = { ...checkOptions("Client", options, "Client") };
    const { auth, apiKey, transport } = this.#options;
    if (auth !== undefined && typeof auth !== "string" && typeof auth !== "function") {
      throw new TypeError(`Client: auth must be a token or a function that gives one, got ${auth === null ? "null" : typeof auth}`);
    }
    if (auth !== undefined && apiKey !== undefined) throw new TypeError("Client: give either auth or apiKey, not both");
    checkPage(this.#options);
    if (transport !== undefined && !["auto", "fetch", "duplex", "websocket", "http2"].includes(transport)) {
      throw invalid("transport", `must be "auto", "fetch", "duplex", "websocket" or "http2", got ${JSON.stringify(transport)}`);
    }
  }

  /** @internal The core's client, made on first use. */
  _core() {
    this.#core ??= this.#open().catch((error) => {
      this.#core = undefined;
      throw error;
    });
    return this.#core;
  }

  async #open() {
    const core = await load();
    const { baseUrl, auth, lacking } = await resolveConnection(this.#options);
    if (lacking) throw lacksEntity();
    const { headers, requestTimeoutMs, retry, interceptors } = this.#options;
    const provider = auth && credentials(auth);
    const opened = new core.CoreClient({
      baseUrl,
      headers: Object.entries(headers ?? {}),
      requestTimeoutMs,
      retry,
      interceptors,
      provider: provider?.give,
      host: this.#host(),
    });
    this.#opened = { core: opened, provider };
    return opened;
  }

  #host() {
    const { transport = "auto", fetch, WebSocket } = this.#options;
    const { rungs, http2 } = runtimeOf();
    // A fetch of the caller's own is there to be used.
    const usable = rungs.filter((rung) => !(fetch && rung === "http2"));
    const forced = { fetch: ["fetch"], duplex: ["fetch", "duplex"], websocket: ["fetch", "websocket"], http2: ["http2"] };
    return { rungs: forced[transport] ?? usable, http2: http2?.(), fetch, WebSocket };
  }

  /** The request that deletes a sandbox, as far as it can be made without waiting. @internal */
  _farewell(sandboxId) {
    if (!sandboxId || !this.#opened) return undefined;
    const { url, body } = this.#opened.core.farewell(sandboxId);
    const headers = [...Object.entries(this.#options.headers ?? {}), ...(this.#opened.provider?.kept() ?? []), ...GRPC_WEB];
    return { url, headers, body, fetch: this.#options.fetch };
  }

  /** The same server as somebody else. @internal */
  _as(auth) {
    return new Client({ ...this.#options, apiKey: undefined, auth });
  }

  toJSON() {
    return { baseUrl: this.#options.baseUrl };
  }
}

let defaultOptions;
let defaultClient;

/** Sets the options of the client that everything uses which is given none. */
export function configure(options) {
  const { signalHandlers, ...rest } = checkOptions("configure", options, "configure");
  if (signalHandlers !== undefined) {
    setSignalHandlers(signalHandlers);
    // Who says nothing about the client keeps the one there is.
    if (Object.keys(rest).length === 0) return;
  }
  const client = new Client(rest);
  defaultOptions = rest;
  defaultClient = client;
}

export function clientOf(options) {
  const { client } = options;
  if (client === undefined) return (defaultClient ??= new Client(defaultOptions));
  if (!(client instanceof Client)) throw new TypeError("client must be a Client");
  return client;
}

/** A call of the core that also settles when the core panics. */
export const call = async (client, act) => guarded(act(await client._core()));
