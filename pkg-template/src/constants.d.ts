// Constants under the names that the older SDKs gave them.

export const DEFAULT_CONTAINER_IMAGE: "python:3.11";
/** Main command of a sandbox that is given none: it waits, and ends at once when asked to. */
export const DEFAULT_COMMAND: string;
export const DEFAULT_ARGS: readonly string[];
/** How long a call may take unless it says otherwise. */
export const DEFAULT_REQUEST_TIMEOUT_SECONDS: number;
/** None of the client's: the server decides. */
export const DEFAULT_MAX_LIFETIME_SECONDS: undefined;
export const DEFAULT_GRACEFUL_SHUTDOWN_SECONDS: number;
/** The first pause between two questions about a sandbox's state. */
export const DEFAULT_POLL_INTERVAL_SECONDS: number;
/** How much longer each pause is than the one before. */
export const DEFAULT_POLL_BACKOFF_FACTOR: number;
export const DEFAULT_MAX_POLL_INTERVAL_SECONDS: number;
/** How much longer than its grace a stop may take. */
export const DEFAULT_CLIENT_TIMEOUT_BUFFER_SECONDS: number;
/** The W&B project of who names none. */
export const DEFAULT_PROJECT_NAME: "uncategorized";
/** Whose entry of `~/.netrc` has the W&B key. */
export const WANDB_NETRC_HOST: "api.wandb.ai";
export const WANDB_NETRC_HOSTS: readonly string[];
