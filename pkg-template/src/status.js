// The states of a sandbox and the seeds' constants.

export const SandboxStatus = Object.freeze({
  PENDING: "pending",
  CREATING: "creating",
  PREPARING: "preparing",
  RUNNING: "running",
  PAUSED: "paused",
  TERMINATING: "terminating",
  COMPLETED: "completed",
  FAILED: "failed",
  TERMINATED: "terminated",
  UNSPECIFIED: "unspecified",
});

export const DEFAULT_CONTAINER_IMAGE = "python:3.11";
/** What a sandbox without a command of its own does: it waits, and ends at once when asked to. */
export const DEFAULT_COMMAND = "/bin/sh";
export const DEFAULT_ARGS = Object.freeze(["-c", 'trap "exit 0" TERM INT; sleep infinity & wait']);
export const DEFAULT_REQUEST_TIMEOUT_SECONDS = 300;
/** The server's. */
export const DEFAULT_MAX_LIFETIME_SECONDS = undefined;
export const DEFAULT_GRACEFUL_SHUTDOWN_SECONDS = 10;
export const DEFAULT_POLL_INTERVAL_SECONDS = 0.2;
export const DEFAULT_POLL_BACKOFF_FACTOR = 1.5;
export const DEFAULT_MAX_POLL_INTERVAL_SECONDS = 2;
/** How much longer than its grace a stop may take. */
export const DEFAULT_CLIENT_TIMEOUT_BUFFER_SECONDS = 5;
export const DEFAULT_PROJECT_NAME = "uncategorized";
export const WANDB_NETRC_HOST = "api.wandb.ai";
export const WANDB_NETRC_HOSTS = Object.freeze([WANDB_NETRC_HOST, "wandb.ai"]);
