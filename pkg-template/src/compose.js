// A compose file and what is said about its services, on the way to the core, which has it sent. Must not know what is in it.

import { toBytes } from "./text.js";

/** The file's text, bytes or a Blob: `{ compose, options }`, what is about its services and what is the sandbox's. */
export async function readCompose(contents, { primaryService, imageOverrides, buildContexts, builderSizes, imagePullCredentials, ...options }) {
  if (typeof contents === "string" && /^[^\n:]+\.ya?ml$/.test(contents)) {
    throw new TypeError(`Sandbox.fromFile: give the file's content; ${JSON.stringify(contents)} looks like its path`);
  }
  const archives = Object.entries(buildContexts ?? {}).map(async ([service, data]) => [service, await bytes(data, `buildContexts.${service}`)]);
  const compose = {
    contents: await bytes(contents, "compose"),
    primaryService,
    imageOverrides,
    buildContexts: Object.fromEntries(await Promise.all(archives)),
    builderSizes,
    imagePullCredentials: imagePullCredentials && [imagePullCredentials].flat(),
  };
  return { compose, options };
}

const bytes = async (data, field) => toBytes(data instanceof Blob ? await data.arrayBuffer() : data, field);
