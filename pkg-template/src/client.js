// A server and how to call it. Finding credentials is the environment's, keeping them fresh is here, sending them the core's.

import { ConfigurationError, invalid } from "./errors.js";
import { load, runtimeOf } from "./load.js";
import { checkOptions } from "./options.js";
import { setSignalHandlers } from "./owned.js";
import { guarded } from "./panic.js";

export const DEFAULT_BASE_URL = "https://api.cwsandbox.com";
const GRPC_WEB = [["content-type", "application/grpc-web+proto"], ["x-grpc-web", "1"]];
/** A token is asked for again so long before it expires. */
const REFRESH_MS = 30_000;

export class Client {
  #options;
  #core;
  #opened;

  constructor(options) {
    this.#options = { ...checkOptions("Client", options, "Client") };
    const { auth, apiKey, dangerouslyAllowApiKeyInBrowser, transport } = this.#options;
    if (auth !== undefined && typeof auth !== "string" && typeof auth !== "function") {
      throw new TypeError(`Client: auth must be a token or a function that gives one, got ${auth === null ? "null" : typeof auth}`);
    }
    if (auth !== undefined && apiKey !== undefined) throw new TypeError("Client: give either auth or apiKey, not both");
    if (apiKey !== undefined && runtimeOf().browser && isPage() && !dangerouslyAllowApiKeyInBrowser) {
      throw new ConfigurationError("apiKey: an account key in a web page can be read by everybody who opens it", {
        hint: "Use `auth` with a short-lived token from your server (`jetway proxy --mint-tokens`, or a route of yours); `dangerouslyAllowApiKeyInBrowser: true` turns this off",
      });
    }
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
    const { baseUrl, auth } = await resolveConnection(this.#options);
    const { headers, requestTimeoutMs } = this.#options;
    const provider = auth && credentials(auth);
    const opened = new core.CoreClient({
      baseUrl,
      headers: Object.entries(headers ?? {}),
      requestTimeoutMs,
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

/** Where to call and as whom: explicit options, then the environment, then what the runtime knows by itself. */
async function resolveConnection({ baseUrl, auth, apiKey }) {
  const { environment, browser } = runtimeOf();
  auth ??= apiKey;
  if (!environment) {
    if (baseUrl === undefined && !(browser && isPage())) {
      throw new ConfigurationError("baseUrl: this runtime has no page and no environment to take it from", {
        hint: "Give it: new Client({ baseUrl, auth })",
      });
    }
    return { baseUrl: new URL(baseUrl ?? "/", globalThis.location?.href).href, auth };
  }
  baseUrl ??= environment.variable("CWSANDBOX_BASE_URL") ?? environment.variable("AVIATO_BASE_URL");
  auth ??= environment.variable("CWSANDBOX_API_KEY") ?? environment.variable("AVIATO_API_KEY");
  if (baseUrl !== undefined && auth !== undefined) return { baseUrl, auth };
  // An account's key is for the account's service: it is not sent to whatever happens to run on this machine.
  if (auth !== undefined) return { baseUrl: DEFAULT_BASE_URL, auth };
  const local = await environment.localServer();
  if (local && (baseUrl === undefined || sameOrigin(baseUrl, local.url))) return { baseUrl: baseUrl ?? local.url, auth: local.token };
  return { baseUrl: baseUrl ?? DEFAULT_BASE_URL, auth };
}

/** What the core asks before each call: headers, kept while they are fresh. */
function credentials(auth) {
  if (typeof auth === "string") {
    const headers = [["authorization", `Bearer ${auth}`]];
    return { give: async () => headers, kept: () => headers };
  }
  let kept;
  let asking;
  const give = async (refused) => {
    if (kept && !refused && performance.now() < kept.until) return kept.headers;
    asking ??= ask(auth).finally(() => (asking = undefined));
    kept = await asking;
    return kept.headers;
  };
  return { give, kept: () => kept?.headers };
}

async function ask(auth) {
  const given = await auth();
  const { token, expiresInMs, headers } = typeof given === "string" ? { token: given } : (given ?? {});
  if (headers !== undefined) return { headers: Object.entries(headers), until: expiry(expiresInMs) };
  if (typeof token !== "string" || token === "") {
    throw new TypeError("auth must give a token, { token, expiresInMs } or { headers, expiresInMs }");
  }
  return { headers: [["authorization", `Bearer ${token}`]], until: expiry(expiresInMs) };
}

/** Without a lifetime a token is used until it is refused. */
const expiry = (ms) => (ms === undefined ? Infinity : performance.now() + Math.max(ms - REFRESH_MS, ms / 2));

const isPage = () => typeof globalThis.location?.href === "string";

function sameOrigin(a, b) {
  try {
    return new URL(a).origin === new URL(b).origin;
  } catch {
    return false;
  }
}

/** A call of the core that also settles when the core panics. */
export const call = async (client, act) => guarded(act(await client._core()));
