// What many sandboxes have in common: a frozen value. How it meets a sandbox's own options is the core's.

import { checkOptions } from "./options.js";
import { DEFAULT_TEMP_DIR, readRun } from "./spec.js";

export class SandboxDefaults {
  #spec;

  constructor(options) {
    const { tempDir = DEFAULT_TEMP_DIR, baseUrl, ...spec } = { ...checkOptions("defaults", options, "SandboxDefaults") };
      if (typeof spec.tags === "string") throw new TypeError("SandboxDefaults: tags must be an array of strings, got a string");
    const { command, options: { tempDir: folder, ...read } } = readRun([{ ...spec, tempDir }], "SandboxDefaults");
    this.#spec = { command, options: read };
    Object.assign(this, structuredClone({ ...read, command, tempDir: folder, baseUrl }));
    this.tags ??= [];
    this.env ??= {};
    this.annotations ??= {};
    freeze(this);
  }

  /** Defaults as they are, or of a plain object. */
  static from(value) {
    return value instanceof SandboxDefaults ? value : new SandboxDefaults(value);
  }

  get containerImage() {
    return this.image;
  }

  get environmentVariables() {
    return this.env;
  }

  /** The default tags, then those that they lack. */
  mergeTags(additional = []) {
    if (typeof additional === "string") throw new TypeError("mergeTags: give an array of strings, got a string");
    return [...new Set([...this.tags, ...additional])];
  }

  /** The default environment with more on top. */
  mergeEnvironmentVariables(additional = {}) {
    return { ...this.env, ...additional };
  }

  /** The default annotations with more on top. */
  mergeAnnotations(additional = {}) {
    return { ...this.annotations, ...additional };
  }

  /** These defaults with some replaced. */
  withOverrides(changes) {
    const overrides = checkOptions("defaults", changes, "withOverrides");
    const { containerImage, environmentVariables, ...own } = overrides;
    if (containerImage !== undefined) own.image ??= containerImage;
    if (environmentVariables !== undefined) own.env ??= environmentVariables;
    const given = Object.entries(own).filter(([, value]) => value !== undefined);
    // A command comes without the arguments of another one.
    const base = { ...this };
    if (own.command !== undefined) delete base.args;
    return new SandboxDefaults({ ...base, ...Object.fromEntries(given) });
  }

  /** @internal A command and the core's options. */
  _spec() {
    return this.#spec;
  }
}

function freeze(value) {
  if (value !== null && typeof value === "object" && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
}
