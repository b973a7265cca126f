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
export const DEFAULT_GRACEFUL_SHUTDOWN_SECONDS = 10;
