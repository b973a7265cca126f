// Templates, secret stores and runners.
import { deepEqual, equal, ok, rejects } from "./assert.mjs";

const unique = () => `t${Math.random().toString(36).slice(2)}`;

export const catalog = {
  "a sandbox from a template has its options, and one's own win": async ({ jetway, client }) => {
    const { SandboxTemplate, Sandbox } = jetway;
    const options = { client, displayName: "base", env: { A: "template", B: "template" }, cwd: "/tmp" };
    const template = await SandboxTemplate.create(options);
    deepEqual([template.displayName, template.revision, template.env.A], ["base", 1, "template"]);
    ok(template.createdAt instanceof Date && Object.isFrozen(template) && Object.isFrozen(template.env));
    const sandbox = template.run({ client, env: { B: "own" } });
    equal((await sandbox.exec(["sh", "-c", "echo $A $B $PWD"])).stdout, "template own /tmp\n");
    await sandbox.delete();
    const second = Sandbox.run("sh", "-c", "exit 4", { client, template: template.templateId });
    equal((await second.wait()).status === "failed", false);
    await second.delete({ missingOk: true });
    await SandboxTemplate.delete(template.templateId, { client });
  },

  "templates are listed, changed and deleted": async ({ jetway, client }) => {
    const { SandboxTemplate, Sandbox } = jetway;
    const { templateId } = await SandboxTemplate.create({ client, tags: ["one"] });
    const renamed = await SandboxTemplate.update(templateId, { displayName: "renamed" }, { client });
    deepEqual([renamed.displayName, renamed.revision, ...renamed.tags], ["renamed", 2, "one"]);
    deepEqual((await SandboxTemplate.update(templateId, { sandbox: { tags: ["two"] } }, { client })).tags, ["two"]);
    ok((await SandboxTemplate.list({ client })).some((template) => template.templateId === templateId));
    await SandboxTemplate.delete(templateId, { client });
    await rejects(SandboxTemplate.get(templateId, { client }), jetway.TemplateNotFoundError);
    ok((await SandboxTemplate.get(templateId, { client, showDeleted: true })).deletedAt instanceof Date);
    await rejects(Sandbox.fromTemplate(templateId, { client }).wait(), jetway.TemplateNotFoundError);
    await rejects(SandboxTemplate.update(templateId, {}, { client }), jetway.ValidationError);
    await rejects(SandboxTemplate.update(templateId, { name: "x" }, { client }), TypeError);
  },

  "a secret reaches the environment of the sandbox that names it": async ({ jetway, client, sandbox }) => {
    const secrets = [{ store: "tests", path: "API", envVar: "TOKEN" }];
    const holder = await jetway.Sandbox.create({ client, secrets });
    equal((await holder.exec(["printenv", "TOKEN"])).stdout, "value-of-a-test-secret\n");
    equal((await sandbox.exec(["printenv", "TOKEN"])).exitCode, 1);
    await holder.delete();
    const unknown = [{ store: "nowhere", path: "API" }];
    await rejects(jetway.Sandbox.create({ client, secrets: unknown }), jetway.SandboxValidationError);
    await rejects(jetway.Sandbox.create({ client, secrets: [{ stroe: "tests" }] }), TypeError);
  },

  "secret stores are registered, listed and forgotten": async ({ jetway, client }) => {
    const { SecretStore } = jetway;
    const name = unique();
    const made = await SecretStore.create(name, { client });
    deepEqual([made.name, made.wandbTeam], [name, undefined]);
    const names = (await SecretStore.list({ client })).map((store) => store.name);
    ok(names.includes(name) && names.includes("tests"), names);
    await rejects(SecretStore.create(unique(), { client, wandbTeam: "team" }), jetway.NotSupportedError);
    await SecretStore.delete(name, { client });
    await SecretStore.delete(name, { client, missingOk: true });
    await rejects(SecretStore.get(name, { client }), jetway.SecretStoreNotFoundError);
  },

  "runners say what they can host and what is free": async ({ jetway, client, sandbox }) => {
    const [runner, ...others] = await jetway.listRunners({ client });
    equal(others.length, 0);
    ok(runner.healthy && runner.capacity.cpuMillicores > 0 && runner.capacity.memoryBytes > 0);
    equal(runner.available, undefined);
    const full = await jetway.getRunner(runner.runnerId, { client });
    ok(full.runningSandboxes >= 1 && full.available.memoryBytes > 0);
    equal(sandbox.runnerId, runner.runnerId);
    deepEqual(await jetway.Runner.list({ client, gpuType: "H100" }), []);
    await rejects(jetway.getRunner("nowhere", { client }), jetway.RunnerNotFoundError);
  },

  "purging by tag removes those, and a dry run counts them": async ({ jetway, client }) => {
    const tag = unique();
    await Promise.all([1, 2].map(() => jetway.Sandbox.create({ client, tags: [tag] })));
    const purge = async (dryRun) => (await jetway.Sandbox.purge({ client, tags: [tag], dryRun })).count;
    deepEqual([await purge(true), await purge(false), await purge(true)], [2, 2, 0]);
    await rejects(jetway.Sandbox.purge({ client, tags: [] }), jetway.ValidationError);
  },
};
