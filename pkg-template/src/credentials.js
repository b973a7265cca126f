// As whom calls are made: what the program says, then what it finds around it, in one order. Must not know what is
// called.

import { ConfigurationError, WandbAuthError } from "./errors.js";
import { runtimeOf } from "./load.js";
import { passwordOf } from "./netrc.js";
import { DEFAULT_PROJECT_NAME, WANDB_NETRC_HOSTS } from "./status.js";

export const DEFAULT_BASE_URL = "https://api.cwsandbox.com";

/** Functions that give an account's key, so that a page can refuse them. */
const ofAccounts = new WeakSet();

/**
 * Credentials of a W&B account, as an `auth` function. By default it sends both generations of headers, and a server
 * reads those that it knows.
 */
export function wandb({ apiKey, entity, project = DEFAULT_PROJECT_NAME, headers: generation = "both" } = {}) {
  if (!apiKey) throw new WandbAuthError("wandb: there is no apiKey", { hint: "Give the account's API key" });
  if (!entity) throw new WandbAuthError("wandb: there is no entity", { hint: "Give the user or team as `entity`, or set WANDB_ENTITY_NAME" });
  if (!["both", "current", "legacy"].includes(generation)) throw new TypeError(`wandb: headers must be "both", "current" or "legacy"`);
  const headers = { "x-entity-id": entity, "x-project-name": project };
  if (generation !== "legacy") headers["x-wandb-api-key"] = apiKey;
  if (generation !== "current") headers["x-api-key"] = apiKey;
  const auth = () => ({ headers: { ...headers } });
  ofAccounts.add(auth);
  return auth;
}

/** Refuses an account's key in a page, where everybody could read it. */
export function checkPage({ auth, apiKey, dangerouslyAllowApiKeyInBrowser }) {
  const account = apiKey !== undefined || ofAccounts.has(auth);
  if (!account || !runtimeOf().browser || !isPage() || dangerouslyAllowApiKeyInBrowser) return;
  throw new ConfigurationError("apiKey: an account key in a web page can be read by everybody who opens it", {
    hint: "Use `auth` with a short-lived token from your server (`jetway proxy --mint-tokens`, or a route of yours); `dangerouslyAllowApiKeyInBrowser: true` turns this off",
  });
}

/**
 * Where to call and as whom. In this order: what is given; `CWSANDBOX_API_KEY`, `AVIATO_API_KEY`; the token of the local
 * server, where that is the one called by name; W&B variables; `~/.netrc` and an entity; the local server.
 */
export async function resolveConnection({ baseUrl, auth, apiKey }) {
  const { environment, browser } = runtimeOf();
  const given = auth ?? apiKey;
  if (!environment) {
    if (baseUrl === undefined && !(browser && isPage())) {
      throw new ConfigurationError("baseUrl: this runtime has no page and no environment to take it from", {
        hint: "Give it: new Client({ baseUrl, auth })",
      });
    }
    return { baseUrl: new URL(baseUrl ?? "/", globalThis.location?.href).href, auth: given, strategy: given ? "option" : "none" };
  }
  const variable = (name) => environment.variable(name);
  baseUrl ??= variable("CWSANDBOX_BASE_URL") ?? variable("AVIATO_BASE_URL");
  // An account's key is for the account's service: it is not sent to whatever happens to run on this machine.
  const hosted = baseUrl ?? DEFAULT_BASE_URL;
  if (given !== undefined) return { baseUrl: hosted, auth: given, strategy: "option" };
  const key = variable("CWSANDBOX_API_KEY") ?? variable("AVIATO_API_KEY");
  if (key !== undefined) return { baseUrl: hosted, auth: key, strategy: "api_key" };
  const local = await environment.localServer();
  if (local && baseUrl !== undefined && sameOrigin(baseUrl, local.url)) return { baseUrl, auth: local.token, strategy: "local_server" };
  const account = await wandbAround(environment);
  if (account?.entity) return { baseUrl: hosted, auth: wandb(account), strategy: account.strategy };
  if (local && baseUrl === undefined) return { baseUrl: local.url, auth: local.token, strategy: "local_server" };
  // A key alone may be there for another program; it is only worth a word when nothing else is.
  return { baseUrl: hosted, auth: undefined, strategy: "none", lacking: account && "entity" };
}

/** What the environment knows of a W&B account. */
async function wandbAround(environment) {
  const entity = environment.variable("WANDB_ENTITY_NAME") ?? environment.variable("WANDB_ENTITY");
  const project = environment.variable("WANDB_PROJECT") ?? environment.variable("WANDB_PROJECT_NAME");
  const apiKey = environment.variable("WANDB_API_KEY");
  if (apiKey) return { apiKey, entity, project, strategy: "wandb" };
  // Without an entity the file need not be read.
  const netrc = entity && (await environment.netrc());
  const password = netrc && passwordOf(netrc, WANDB_NETRC_HOSTS);
  return password ? { apiKey: password, entity, project, strategy: "netrc" } : undefined;
}

/** As whom a client with these options would call: `{ strategy, baseUrl, headers }`. The headers hold the secret. */
export async function resolveAuth(options = {}) {
  checkPage(options);
  const { baseUrl, auth, strategy, lacking } = await resolveConnection(options);
  if (lacking) throw lacksEntity();
  const headers = auth === undefined ? [] : await credentials(auth).give(false);
  return { strategy, baseUrl, headers: Object.fromEntries(headers) };
}

export const lacksEntity = () =>
  new WandbAuthError("WANDB_API_KEY is set, but no entity goes with it", {
    hint: "Set WANDB_ENTITY_NAME to the user or team, or give other credentials",
  });

/** A token is asked for again so long before it expires. */
const REFRESH_MS = 30_000;

/** What the core asks before each call: headers, kept while they are fresh. */
export function credentials(auth) {
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
