// Sandboxes with several containers, from options and from compose files, and when they count as running.
import { deepEqual, equal, ok, rejects } from "./assert.mjs";

/** `app` comes once `store` is healthy. */
const FILE = `
services:
  store:
    image: host
    command: [sh, -c, "sleep 0.3; touch /tmp/there; exec sleep infinity"]
    healthcheck: { test: [CMD, test, -e, /tmp/there], interval: 1s, timeout: 20s, retries: 60 }
  app:
    image: host
    command: [sh, -c, "echo started $$WHO; exec sleep infinity"]
    environment: { WHO: app }
    depends_on: { store: { condition: service_healthy } }
`;

export const containers = {
  "processes, files and logs are a container's own, and volumes are shared": async ({ jetway, client }) => {
    const helper = {
      name: "helper",
      command: "sh",
      args: ["-c", "echo from $WHO; exec sleep infinity"],
      env: { WHO: "helper" },
      mountedFiles: { "/tmp/mounted": "a file" },
      volumeMounts: [{ volume: "shared", mountPath: "/mnt/shared" }],
    };
    const app = { name: "app", env: { WHO: "app" }, cwd: "/tmp", primary: true };
    const sandbox = jetway.Sandbox.run({ client, containers: [app, helper], volumes: [{ name: "shared", mountPath: "/shared" }] });
    const said = async (line, container) => (await sandbox.exec(["sh", "-c", line], { container })).stdout;
    equal(await said("echo $WHO $PWD"), "app /tmp\n");
    equal(await said("echo $WHO $PWD", "app"), "app /tmp\n");
    equal(await said("echo $WHO; cat /tmp/mounted", "helper"), "helper\na file");
    await sandbox.writeFile("/tmp/own", "helper's", { container: "helper" });
    equal(await sandbox.files.exists("/tmp/own"), false);
    equal(await sandbox.files.readText("/tmp/own", { container: "helper" }), "helper's");
    await sandbox.writeFile("/shared/both", "seen");
    equal(await sandbox.files.readText("/mnt/shared/both", { container: "helper" }), "seen");
    for await (const line of sandbox.logs({ container: "helper", follow: true })) {
      equal(line, "from helper");
      break;
    }
    ok((await rejects(sandbox.exec(["true"], { container: "nobody" }))).message.includes("app, helper"));
    await sandbox.delete();
  },

  "a startup probe decides when a sandbox runs, and one that never passes fails it": async ({ jetway, client }) => {
    const options = { client, command: ["sh", "-c", "sleep 0.5; touch /tmp/there; exec sleep infinity"] };
    const sandbox = await jetway.Sandbox.create({ ...options, startupProbe: { exec: ["test", "-e", "/tmp/there"] } });
    ok(await sandbox.files.exists("/tmp/there"));
    await sandbox.delete();
    await rejects(jetway.Sandbox.create({ ...options, startupProbe: { exec: ["false"], failureThreshold: 1 } }), jetway.SandboxFailedError);
  },

  "a compose file becomes a sandbox with its services": async ({ jetway, client }) => {
    const sandbox = jetway.Sandbox.fromFile(FILE, { client, primaryService: "app", tags: ["from-a-file"], displayName: "file" });
    const said = async (line, container) => (await sandbox.exec(["sh", "-c", line], { container })).stdout;
    equal(await said("echo $WHO"), "app\n");
    equal(await said("ls /tmp/there", "store"), "/tmp/there\n");
    deepEqual(sandbox.tags, ["from-a-file"]);
    equal(sandbox.displayName, "file");
    await sandbox.delete();
    await rejects(jetway.Sandbox.fromFile(new Blob(["services: {}"]), { client }).start(), jetway.ValidationError);
    const path = await rejects(jetway.Sandbox.fromFile("compose.yaml", { client }).start(), TypeError);
    ok(path.message.includes("looks like its path"), path.message);
    await rejects(async () => jetway.Sandbox.fromFile(FILE, { client, image: "x" }), TypeError);
  },

  "GPUs and pull credentials are asked for, and what this server has not is said": async ({ jetway, client }) => {
    for (const gpu of [2, { count: 2, type: "A100" }, { memoryGb: 40 }]) {
      const error = await rejects(jetway.Sandbox.create({ client, resources: { gpu } }), jetway.NotSupportedError);
      ok(error.message.includes("resource_requirements.requests.gpu"), error.message);
    }
    const both = await rejects(jetway.Sandbox.create({ client, resources: { gpu: { type: "A100", memoryGb: 40 } } }), jetway.ValidationError);
    equal(both.fieldViolations[0].field, "resources.gpu");
    const imagePullCredentials = { registry: "ghcr.io", store: "tests", path: "API" };
    // The image is from another registry, to which these are not shown.
    const error = await rejects(jetway.Sandbox.create({ client, imagePullCredentials }), jetway.ValidationError);
    ok(error.message.includes("image_pull_credentials"), error.message);
  },

  "what is wrong with containers is said by name": async ({ jetway, client }) => {
    const field = async (options) => (await rejects(jetway.Sandbox.create({ client, ...options }), jetway.ValidationError)).fieldViolations[0].field;
    equal(await field({ image: "a", containers: [{ name: "b" }] }), "containers");
    equal(await field({ containers: [{ name: "a" }, { name: "a" }] }), "containers[1].name");
    equal(await field({ containers: [{ name: "a", startupProbe: { exec: [] } }] }), "containers[0].startupProbe.exec");
    const typo = await rejects(async () => jetway.Sandbox.run({ client, containers: [{ name: "a", comand: ["b"] }] }), TypeError);
    ok(typo.message.includes('did you mean "command"'), typo.message);
  },
};
