// Where an element works: which server, as whom, in which sandbox. Must not know what it shows.

const settings = {};

/** What elements take that say nothing else: `baseUrl`, `auth`, `client`, `image`. */
export function configureElements(options) {
  for (const key of Object.keys(options)) {
    if (!["baseUrl", "auth", "client", "image"].includes(key)) {
      throw new TypeError(`configureElements: unknown option "${key}"; known are baseUrl, auth, client, image`);
    }
  }
  Object.assign(settings, options);
}

/** The library, when it is needed. */
const library = () => import("./index.js");

/** How long a sandbox that an element made may live, should nobody delete it. */
const LIFETIME_SECONDS = 3600;
const clients = new Map();
/** Sandboxes that elements of one `group` share. */
const groups = new Map();

async function clientOf(host) {
  if (host.client ?? settings.client) return host.client ?? settings.client;
  const { Client } = await library();
  const baseUrl = host.getAttribute("base-url") ?? settings.baseUrl;
  const auth = host.auth ?? host.getAttribute("token") ?? settings.auth;
  // Elements of one place share a connection and its credentials.
  const key = typeof auth === "function" ? auth : `${baseUrl} ${auth}`;
  if (!clients.has(key)) clients.set(key, new Client({ baseUrl, auth: auth ?? undefined }));
  return clients.get(key);
}

/**
 * The sandbox that an element works in: the given one, the named one, an earlier one of its own, or a new one.
 * @param {HTMLElement & { sandbox?: object, client?: object, auth?: unknown }} host
 * @param {string} [earlier] the id of a sandbox that it made before
 * @returns {Promise<{ sandbox: object, own: boolean }>} to be given to `leave`
 */
export function sandboxOf(host, earlier) {
  const group = host.getAttribute("group");
  if (!group) return find(host, earlier);
  if (!groups.has(group)) {
    const found = find(host, earlier);
    groups.set(group, { found, users: 0 });
    // A sandbox that could not be had is asked for anew by whoever comes next.
    found.catch(() => groups.delete(group));
  }
  const shared = groups.get(group);
  shared.users++;
  return shared.found.then((place) => ({ ...place, shared, group }));
}

async function find(host, earlier) {
  if (host.sandbox) return { sandbox: host.sandbox, own: false };
  const client = await clientOf(host);
  const { Sandbox } = await library();
  const id = host.getAttribute("sandbox-id");
  if (id) return { sandbox: await Sandbox.fromId(id, { client }), own: false };
  if (earlier) {
    const sandbox = await Sandbox.fromId(earlier, { client }).catch(() => undefined);
    if (sandbox?.status === "running" || sandbox?.status === "paused") return { sandbox, own: true };
  }
  const image = host.getAttribute("image") ?? (await asked(settings.image));
  // One that is to be found again after a reload must not be deleted by the page's end.
  const detached = host.hasAttribute("restore");
  return { sandbox: Sandbox.run({ client, image, detached, maxLifetimeSeconds: LIFETIME_SECONDS }), own: true };
}

const asked = (value) => (typeof value === "function" ? value() : value);

/** Has an element's own sandbox deleted. What it is deleted for is over; that it cannot be is no news. */
export async function leave({ sandbox, own, shared, group }) {
  if (shared && --shared.users > 0) return;
  if (shared) groups.delete(group);
  if (own) await sandbox.stop({ missingOk: true, gracefulShutdownSeconds: 0 }).catch(() => {});
}

/** An error as the library words it, and what to do. */
export function described(error) {
  const message = error instanceof Error ? error.message : String(error);
  return { message, hint: typeof error?.hint === "string" ? error.hint : undefined };
}

/** Tells listeners of an element. */
export function emit(host, type, detail) {
  host.dispatchEvent(new CustomEvent(`jetway-${type}`, { detail, bubbles: true, composed: true }));
}

/** `HTMLElement`, or nothing of that kind where there is no DOM. */
export const ElementBase = globalThis.HTMLElement ?? class {};
