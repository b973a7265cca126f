// Which options there are. The one table of names on this side: an unknown key is refused at once, in the call that has
// it. What the values mean is the core's business; a test compares this table with the core's readers and the types.

import { renamed } from "./legacy.js";

export const OPTIONS = {
  Client: ["baseUrl", "auth", "apiKey", "headers", "requestTimeoutMs", "retry", "interceptors", "transport", "fetch", "WebSocket", "dangerouslyAllowApiKeyInBrowser"],
  run: [
    "image", "containerImage", "command", "args", "env", "environmentVariables", "cwd", "tags", "resources", "mountedFiles",
    "maxLifetimeSeconds", "annotations", "runnerIds", "displayName", "placementMode", "placementSpillover", "createRetryBudgetMs", "runtimeClass", "instanceType",
    "template", "secrets", "services", "ports", "network", "objectStorageAccess", "volumes", "fileSystemSnapshot",
    "startupProbe", "imagePullCredentials", "containers", "tempDir", "requestTimeoutMs", "detached", "signal", "client",
  ],
  fromFile: [
    "primaryService", "imageOverrides", "buildContexts", "builderSizes", "imagePullCredentials", "resources", "tags", "annotations", "displayName",
    "maxLifetimeSeconds", "runnerIds", "placementMode", "placementSpillover", "createRetryBudgetMs", "network", "objectStorageAccess", "tempDir", "requestTimeoutMs",
    "detached", "signal", "client",
  ],
  container: [
    "name", "image", "command", "args", "env", "cwd", "resources", "mountedFiles", "secrets", "volumeMounts", "startupProbe", "imagePullCredentials", "primary",
  ],
  exec: ["cwd", "env", "check", "timeoutMs", "stdin", "input", "container", "signal", "maxBufferBytes", "tty"],
  shell: ["command", "cols", "rows", "cwd", "env", "container", "timeoutMs", "keep", "onState", "signal"],
  logs: ["follow", "tailLines", "since", "timestamps", "container", "resume", "timeoutMs", "signal"],
  call: ["timeoutMs", "signal"],
  waitUntilComplete: ["raiseOnTermination", "timeoutMs", "signal"],
  statusChanges: ["signal"],
  read: ["encoding", "container", "timeoutMs", "signal"],
  write: ["container", "timeoutMs", "signal"],
  listFiles: ["depth", "container", "timeoutMs", "signal"],
  mkdir: ["recursive", "container", "timeoutMs", "signal"],
  remove: ["recursive", "missingOk", "container", "timeoutMs", "signal"],
  watch: ["recursive", "container", "timeoutMs", "signal"],
  upload: ["ignore", "onProgress", "container", "timeoutMs", "signal"],
  download: ["ignore", "onProgress", "container", "timeoutMs", "signal"],
  stop: ["gracefulShutdownSeconds", "snapshotOnStop", "snapshotVolumes", "missingOk", "timeoutMs", "signal"],
  delete: ["missingOk", "timeoutMs", "signal", "client"],
  list: ["tags", "status", "runnerIds", "volumeIds", "showTerminated", "includeStopped", "pageSize", "timeoutMs", "signal", "client"],
  purge: ["tags", "dryRun", "timeoutMs", "signal", "client"],
  entry: ["timeoutMs", "signal", "client"],
  template: ["showDeleted", "timeoutMs", "signal", "client"],
  templateChanges: ["displayName", "sandbox"],
  secretStore: ["wandbTeam", "wandbApiUrl", "timeoutMs", "signal", "client"],
  snapshot: ["volume", "timeoutMs", "signal"],
  snapshots: ["sourceSandboxId", "timeoutMs", "signal", "client"],
  volume: ["namespace", "subPath", "runnerId", "readOnly", "description", "timeoutMs", "signal", "client"],
  volumeChanges: ["readOnly", "description"],
  volumeDelete: ["missingOk", "force", "timeoutMs", "signal", "client"],
  fileSystemSnapshot: ["mountPath", "size", "name", "snapshotId", "fileSystemSnapshotId"],
  runners: ["groupId", "gpuType", "architecture", "healthyOnly", "includeResources", "timeoutMs", "signal", "client"],
  context: ["language", "cwd", "env"],
  runCode: ["language", "context", "onStdout", "onStderr", "onResult", "timeoutMs", "silent", "signal"],
  runInContext: ["onStdout", "onStderr", "onResult", "timeoutMs", "silent", "signal"],
  function: ["bind", "serialization", "cwd", "env", "container", "tempDir", "onStdout", "onStderr", "timeoutMs", "signal"],
  map: ["concurrency", "signal"],
  fromId: ["timeoutMs", "signal", "client"],
  cloudCreate: ["image", "cpuCount", "memoryMb", "ttlHours", "metadata", "baseUrl", "userId", "role", "token", "auth", "client"],
  cloudResume: ["baseUrl", "userId", "role", "token", "auth", "client"],
  SandboxClient: ["baseUrl", "token", "auth", "client"],
  cloudToken: ["userId", "role", "scope", "ttlMs"],
  cloudScope: ["sandboxIds", "tags", "methods"],
  cloudSession: ["image", "cpuCount", "memoryMb", "ttlHours", "metadata", "sandboxId"],
  cloudAcquire: ["sessionId", "image"],
  cloudExecute: ["sandboxId", "code", "language", "command", "workDir", "env", "timeoutMs", "timeout"],
  wait: ["numReturns", "timeoutMs", "signal"],
  Session: ["client"],
  sessionFromId: ["adopt", "timeoutMs", "signal"],
};
OPTIONS.sessionList = [...OPTIONS.list.filter((key) => key !== "client"), "adopt"];
OPTIONS.configure = [...OPTIONS.Client, "signalHandlers"];
/** What is one sandbox's own is no default of many. */
const OWN = ["mountedFiles", "displayName", "detached", "signal", "client"];
OPTIONS.sessionFunction = [...new Set([...OPTIONS.run.filter((key) => !["command", "args", "detached", "client"].includes(key)), ...OPTIONS.function])];
OPTIONS.defaults = [...OPTIONS.run.filter((key) => !OWN.includes(key)), "baseUrl"];

/** Refuses unknown keys; returns the options under their present names, `{}` for none. */
export function checkOptions(noun, given, where) {
  let options = given;
  if (options === undefined) return {};
  if (options === null || typeof options !== "object") {
    throw new TypeError(`${where}: options must be an object, got ${options === null ? "null" : typeof options}`);
  }
  options = renamed(options, OPTIONS[noun], where);
  for (const key of Object.keys(options)) {
    if (OPTIONS[noun].includes(key)) continue;
    const near = nearest(key, OPTIONS[noun]);
    throw new TypeError(`${where}: unknown option "${key}"${near ? `; did you mean "${near}"?` : `; known are ${OPTIONS[noun].join(", ")}`}`);
  }
  return options;
}

function nearest(key, known) {
  let best;
  let least = Math.min(4, Math.max(2, Math.floor(key.length / 2))) + 1;
  for (const name of known) {
    const cost = distance(key.toLowerCase(), name.toLowerCase());
    if (cost < least) [best, least] = [name, cost];
  }
  return best;
}

/** How many insertions, deletions, replacements and swaps of neighbours lie between two names. */
function distance(a, b) {
  let before;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + same);
      if (before && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
