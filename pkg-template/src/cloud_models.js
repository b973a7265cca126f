// Cloud Sandbox's models: what its calls give, as frozen values.

const date = (ms) => (ms === undefined ? undefined : new Date(ms));

/** A workspace that outlives the sandbox it is bound to. */
export class Session {
  constructor({ id, userId, sandboxId, status, image, cpuCount, memoryMb, metadata, times, workspaceSaved, asleep, resumed }) {
    const [createdAt, updatedAt, lastActiveAt, expiresAt, pausedAt] = times.map(date);
    Object.assign(this, { id, userId, sandboxId, status, image, cpuCount, memoryMb, metadata: Object.freeze(metadata) });
    Object.assign(this, { createdAt, updatedAt, lastActiveAt, expiresAt, pausedAt, workspaceSaved, asleep, resumed });
    Object.freeze(this);
  }
}

/** What code or a command did. */
export class ExecResult {
  constructor({ exitCode, stdout, stderr, durationMs, timedOut = false, error, results = [] }) {
    Object.assign(this, { exitCode, stdout, stderr, durationMs, timedOut, error, results });
    Object.freeze(this);
  }

  get success() {
    return this.exitCode === 0 && !this.timedOut && !this.error;
  }
}

/** Something in a directory. */
export class FileInfo {
  constructor({ name, path, size, isDir, modTime }) {
    Object.assign(this, { name, path, size, isDir, modTime });
    Object.freeze(this);
  }
}

/** A sandbox that was taken from the pool. */
export class SandboxInfo {
  constructor({ sandboxId, sessionId }) {
    Object.assign(this, { sandboxId, containerId: sandboxId, sessionId, status: "running" });
    Object.freeze(this);
  }
}
