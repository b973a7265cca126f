// Why a connection failed, in the words of the core's table of diagnoses. The transports throw these; the core turns
// them into typed errors. Meaning comes from error codes, and from probes where a browser gives none.

/** What a transport throws when it could not reach the server, or lost it. */
export class ConnectionFailure extends Error {
  /** @param {string} diagnosis a name of the core's table, or `aborted`, `no_http2`, `no_websocket` */
  constructor(diagnosis, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.diagnosis = diagnosis;
  }
}
ConnectionFailure.prototype.name = "ConnectionFailure";

const BY_CODE = {
  ECONNREFUSED: "refused",
  ConnectionRefused: "refused",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  ENETUNREACH: "offline",
  ENETDOWN: "offline",
  ECONNRESET: "connection_lost",
  ConnectionClosed: "connection_lost",
  EPIPE: "connection_lost",
  UND_ERR_SOCKET: "connection_lost",
  HPE_INVALID_CONSTANT: "not_grpc",
};

const WORDS = {
  refused: "nothing listens there",
  dns: "its host name does not resolve",
  offline: "this machine has no network",
  tls: "the TLS handshake failed",
  connection_lost: "the connection was closed",
  cors: "the server answers, but does not allow this page's origin",
  mixed_content: "a page from https may not call http",
  not_grpc: "the server does not speak HTTP as expected",
  unreachable: "no connection could be made",
};

/** Names the cause of a failed connection to `url`. */
export function connectionFailure(error, url, diagnosis = diagnose(error) ?? "unreachable") {
  const { origin } = new URL(url);
  return new ConnectionFailure(diagnosis, `cannot reach ${origin}: ${WORDS[diagnosis] ?? diagnosis}`, error);
}

/** The diagnosis that an error's own codes give, if they do. */
export function diagnose(error) {
  for (let cause = error, depth = 0; cause && depth < 5; cause = cause.cause ?? cause.errors?.[0], depth++) {
    const code = cause.code;
    if (typeof code !== "string") continue;
    if (BY_CODE[code]) return BY_CODE[code];
    if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) return "tls";
  }
  // Deno gives no code, only the operating system's text with its number.
  const text = String(error?.message ?? "");
  if (/os error (111|61|10061)\b/.test(text)) return "refused";
  if (/dns error/.test(text)) return "dns";
  return undefined;
}

/** Like `connectionFailure`, but asks the browser what its bare "Failed to fetch" hides. */
export async function fetchFailure(error, url, fetch) {
  const known = diagnose(error);
  if (known || typeof globalThis.location === "undefined") return connectionFailure(error, url, known ?? undefined);
  if (globalThis.navigator?.onLine === false) return connectionFailure(error, url, "offline");
  const target = new URL(url);
  if (globalThis.location.protocol === "https:" && target.protocol === "http:" && !isLoopback(target.hostname)) {
    return connectionFailure(error, url, "mixed_content");
  }
  if (target.origin === globalThis.location.origin) return connectionFailure(error, url, "refused");
  try {
    // An opaque answer means that somebody is there: then it was the origin check that failed.
    await fetch(target.origin, { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(3000) });
    return connectionFailure(error, url, "cors");
  } catch {
    return connectionFailure(error, url, "unreachable");
  }
}

/** What kept a fetch of `url` from being answered, for who only knows that it failed. Imported by the core. */
export const explainFetch = (url) => fetchFailure(undefined, url, globalThis.fetch);

const isLoopback = (host) => host === "localhost" || host.endsWith(".localhost") || host.startsWith("127.") || host === "[::1]";
