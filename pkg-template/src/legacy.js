// Option names of the older SDKs: those that mean the same thing under another name are taken, the others are refused
// with what took their place. Must not know what the options do.

import { invalid } from "./errors.js";

const same = (value) => value;
const seconds = (value, where, key) => {
  if (typeof value !== "number" || !(value >= 0)) throw new TypeError(`${where}: ${key} must be a number of seconds`);
  return value * 1000;
};

/** Old name: new names, the first of which the call has, and how the value changes. */
const RENAMED = {
  towerIds: [["runnerIds"], same],
  includeStopped: [["showTerminated"], same],
  timeoutSeconds: [["timeoutMs"], seconds],
  requestTimeoutSeconds: [["requestTimeoutMs"], seconds],
  maxTimeoutSeconds: [["requestTimeoutMs", "timeoutMs"], seconds],
  ports: [["services"], services],
};

const GONE = {
  runwayIds: 'runways are gone; choose with template, or with placementMode: "serverless" or "cks"',
  profileIds: "profiles are gone; use template",
  profileNames: "profiles are gone; use template",
  s3Mount: "nothing is mounted any more; objectStorageAccess: { buckets, permission } gives processes temporary credentials instead",
};

const OLD_NETWORK = ["ingressMode", "exposedPorts", "egressMode"];
const VISIBILITY = { public: "public", internal: "private" };
const EGRESS = { isolated: { denyEgress: true }, internet: { egress: [{ any: true }] }, org: { egress: [{ tenant: "same_org" }] } };

/** The options under their present names; the same object where there is nothing to rename. */
export function renamed(options, known, where) {
  let result = options;
  for (const [key, value] of Object.entries(options)) {
    if (known.includes(key)) continue;
    // Without a value it is as if it were not there.
    if (key in GONE && value !== undefined) throw new TypeError(`${where}: there is no ${key} any more: ${GONE[key]}`);
    const [names, change] = RENAMED[key] ?? [];
    const name = names?.find((it) => known.includes(it));
    if (!name && !(key in GONE)) continue;
    const { [key]: _, ...rest } = result;
    result = rest;
    if (value === undefined) continue;
    if (rest[name] !== undefined) throw new TypeError(`${where}: ${key} and ${name} are the same option; give one`);
    result[name] = change(value, where, key);
  }
  const { network } = result;
  const isOld = network !== null && typeof network === "object" && OLD_NETWORK.some((key) => key in network);
  return isOld && known.includes("network") ? withNetwork(result) : result;
}

function services(ports, where) {
  if (!Array.isArray(ports)) throw new TypeError(`${where}: ports must be an array`);
  return ports.map((it) => {
    const { containerPort, port = containerPort, name, protocol } = typeof it === "number" ? { port: it } : it;
    return { port, ...(name !== undefined && { name }), ...(protocol !== undefined && { protocol: String(protocol).toLowerCase() }) };
  });
}

function withNetwork({ network, ...options }) {
  const { ingressMode, exposedPorts, egressMode, ...rules } = network;
  const result = { ...options, network: rules };
  if (egressMode !== undefined && egressMode !== null) Object.assign(result.network, entry(EGRESS, "egressMode", egressMode));
  if (ingressMode !== undefined && ingressMode !== null) {
    const visibility = entry(VISIBILITY, "ingressMode", ingressMode);
    if (!exposedPorts?.length) throw invalid("network.exposedPorts", "must name at least one port with ingressMode");
    const taken = (options.services ?? []).filter(({ port }) => !exposedPorts.includes(port));
    const own = (port) => (options.services ?? []).find((it) => it.port === port);
    result.services = [...taken, ...exposedPorts.map((port) => ({ ...own(port), port, visibility }))];
  } else if (exposedPorts?.length) {
    throw invalid("network.ingressMode", "must say who may reach exposedPorts");
  }
  if (Object.keys(result.network).length === 0) delete result.network;
  return result;
}

function entry(table, field, value) {
  if (Object.hasOwn(table, value)) return table[value];
  throw invalid(`network.${field}`, `must be one of ${Object.keys(table).map((key) => JSON.stringify(key)).join(", ")}, got ${JSON.stringify(value)}; other rules are in network.egress and services`);
}
