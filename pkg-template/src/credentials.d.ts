// As whom calls are made.
import type { ClientOptions, Credentials } from "./index.js";

/** The hosted service. */
export const DEFAULT_BASE_URL: string;

export interface WandbOptions {
  apiKey: string;
  /** The user or team. */
  entity: string;
  /** Default: `uncategorized`. */
  project?: string | undefined;
  /** `x-wandb-api-key` is the current header, `x-api-key` that of the older service. Default: `"both"`. */
  headers?: "both" | "current" | "legacy" | undefined;
}

/** Credentials of a W&B account, for `auth`. Refused in a web page, where everybody could read them. */
export function wandb(options: WandbOptions): () => Credentials;

/** How a client came to its credentials. */
export type AuthStrategy = "option" | "api_key" | "wandb" | "netrc" | "local_server" | "none";

export interface ResolvedAuth {
  readonly strategy: AuthStrategy;
  readonly baseUrl: string;
  /** They hold the secret. */
  readonly headers: Record<string, string>;
}

/**
 * As whom a client with these options would call. In this order: what is given; `CWSANDBOX_API_KEY`, `AVIATO_API_KEY`; the
 * local server's token, where that server is the one named; `WANDB_API_KEY` with `WANDB_ENTITY_NAME` or `WANDB_ENTITY`;
 * `~/.netrc` with one of these; the token of a running local server.
 */
export function resolveAuth(options?: Pick<ClientOptions, "baseUrl" | "auth" | "apiKey" | "dangerouslyAllowApiKeyInBrowser">): Promise<ResolvedAuth>;
