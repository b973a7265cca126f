// What sandboxes are made from and run on: templates, secret stores, runners. Plain frozen values; the calls are the core's.

import { call, clientOf } from "./client.js";
import { Entry } from "./entry.js";
import { checkOptions } from "./options.js";
import { Sandbox } from "./sandbox.js";
import { readRun, text } from "./spec.js";

/** A stored specification that sandboxes are made from. */
export class SandboxTemplate extends Entry {
  /** Stores a template: takes the options of a sandbox, whose `displayName` is the template's. */
  static async create(options = {}) {
    const { command, spec, client, ...limits } = split(options);
    return new SandboxTemplate(await call(clientOf({ client }), (core) => core.createTemplate(command, spec, limits)));
  }

  static async get(templateId, options) {
    const { client, showDeleted = false, ...limits } = checkOptions("template", options, "SandboxTemplate.get");
    const ask = (core) => core.getTemplate(text("templateId", templateId), Boolean(showDeleted), limits);
    return new SandboxTemplate(await call(clientOf({ client }), ask));
  }

  /** Every template, the newest first. */
  static async list(options) {
    const { client, showDeleted = false, ...limits } = checkOptions("template", options, "SandboxTemplate.list");
    const found = await call(clientOf({ client }), (core) => core.listTemplates(Boolean(showDeleted), limits));
    return found.map((plain) => new SandboxTemplate(plain));
  }

  /** Changes the name, or replaces the options. Sandboxes that were made from it stay as they are. */
  static async update(templateId, changes, options) {
    const { displayName, sandbox } = checkOptions("templateChanges", changes, "SandboxTemplate.update");
    const { client, ...limits } = checkOptions("entry", options, "SandboxTemplate.update");
    const { command, spec } = sandbox === undefined ? {} : split(sandbox);
    const ask = (core) => core.updateTemplate(text("templateId", templateId), displayName, command, spec, limits);
    return new SandboxTemplate(await call(clientOf({ client }), ask));
  }

  static async delete(templateId, options) {
    const { client, ...limits } = checkOptions("entry", options, "SandboxTemplate.delete");
    await call(clientOf({ client }), (core) => core.deleteTemplate(text("templateId", templateId), limits));
  }

  /** Starts a sandbox from it. */
  run(options) {
    return Sandbox.fromTemplate(this.templateId, options);
  }
}

/** A place that secrets are taken from; never their values. */
export class SecretStore extends Entry {
  static async create(name, options) {
    const { client, ...rest } = checkOptions("secretStore", options, "SecretStore.create");
    const ask = (core) => core.createSecretStore(text("name", name), rest);
    return new SecretStore(await call(clientOf({ client }), ask));
  }

  static async get(name, options) {
    const { client, ...limits } = checkOptions("entry", options, "SecretStore.get");
    return new SecretStore(await call(clientOf({ client }), (core) => core.getSecretStore(text("name", name), limits)));
  }

  static async list(options) {
    const { client, ...limits } = checkOptions("entry", options, "SecretStore.list");
    const found = await call(clientOf({ client }), (core) => core.listSecretStores(limits));
    return found.map((plain) => new SecretStore(plain));
  }

  /** Forgets a store. Sandboxes keep the values that they got. */
  static async delete(name, options) {
    const { client, missingOk = false, ...limits } = checkOptions("delete", options, "SecretStore.delete");
    await call(clientOf({ client }), (core) => core.deleteSecretStore(text("name", name), Boolean(missingOk), limits));
  }
}

/** A machine or cluster that hosts sandboxes. */
export class Runner extends Entry {
  static async list(options) {
    const { client, ...filter } = checkOptions("runners", options, "Runner.list");
    return (await call(clientOf({ client }), (core) => core.listRunners(filter))).map((plain) => new Runner(plain));
  }

  static async get(runnerId, options) {
    const { client, ...limits } = checkOptions("entry", options, "Runner.get");
    return new Runner(await call(clientOf({ client }), (core) => core.getRunner(text("runnerId", runnerId), limits)));
  }
}

/** The names that the Python SDK has for these two. */
export const listRunners = (options) => Runner.list(options);
export const getRunner = (runnerId, options) => Runner.get(runnerId, options);

/** Options of a sandbox: the command, what the core reads, and what belongs to the call. */
function split(options) {
  const { command, options: read } = readRun([options], "SandboxTemplate");
  const { client, signal, detached: _, tempDir: _t, requestTimeoutMs: timeoutMs, ...spec } = read;
  return { command, spec, client, signal, timeoutMs };
}
