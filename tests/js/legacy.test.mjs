// Names of the older SDKs: taken where they mean the same, refused with what took their place, and the constants.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { renamed } from "../../pkg-template/src/legacy.js";
import { OPTIONS } from "../../pkg-template/src/options.js";
import * as compat from "../../target/npm/jetway/src/compat.js";
import * as jetway from "../../target/npm/jetway/src/node.js";

const source = (path) => readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const run = (options) => renamed(options, OPTIONS.run, "run");

test("towers are runners: towerIds, towerId, towerGroupId", () => {
  assert.deepEqual(run({ towerIds: ["a"], image: "x" }), { image: "x", runnerIds: ["a"] });
  assert.deepEqual(renamed({ towerIds: ["a"] }, OPTIONS.list, "list"), { runnerIds: ["a"] });
  assert.throws(() => run({ towerIds: ["a"], runnerIds: ["b"] }), /towerIds and runnerIds are the same option; give one/);
  for (const name of ["towerId", "towerGroupId", "runnerId", "runnerGroupId", "runwayId"]) {
    assert.ok(name in jetway.Sandbox.prototype, name);
  }
});

test("runways and profiles are gone, and their successors are named", () => {
  assert.throws(() => jetway.Sandbox.run({ runwayIds: ["a"] }), /runways are gone; choose with template, or with placementMode/);
  assert.throws(() => jetway.Sandbox.list({ runwayIds: ["a"] }), TypeError);
  for (const name of ["profileIds", "profileNames"]) assert.throws(() => jetway.Sandbox.run({ [name]: ["a"] }), /use template/);
  assert.deepEqual(run({ runwayIds: undefined }), {});
});

test("s3Mount is refused and objectStorageAccess named", () => {
  assert.throws(() => jetway.Sandbox.run({ s3Mount: { bucket: "b" } }), { name: "TypeError", message: /objectStorageAccess: \{ buckets, permission \}/ });
});

test("seconds become milliseconds: maxTimeoutSeconds, requestTimeoutSeconds, timeoutSeconds", () => {
  assert.deepEqual(run({ maxTimeoutSeconds: 1.5 }), { requestTimeoutMs: 1500 });
  assert.deepEqual(run({ requestTimeoutSeconds: 2 }), { requestTimeoutMs: 2000 });
  assert.deepEqual(renamed({ timeoutSeconds: 3, cwd: "/" }, OPTIONS.exec, "exec"), { cwd: "/", timeoutMs: 3000 });
  assert.deepEqual(renamed({ maxTimeoutSeconds: 3 }, OPTIONS.stop, "stop"), { timeoutMs: 3000 });
  assert.throws(() => run({ maxTimeoutSeconds: "5" }), /maxTimeoutSeconds must be a number of seconds/);
});

test("includeStopped is showTerminated", () => {
  assert.deepEqual(renamed({ includeStopped: true, tags: ["a"] }, OPTIONS.purge, "purge"), { includeStopped: true, tags: ["a"] });
  assert.ok(OPTIONS.list.includes("includeStopped"));
});

test("NetworkOptions is a frozen value that says what a plain object would", () => {
  const options = new compat.NetworkOptions({ ingressMode: "public", exposedPorts: [80], egressMode: "isolated" });
  assert.ok(Object.isFrozen(options) && Object.isFrozen(options.exposedPorts));
  assert.deepEqual({ ...options }, { ingressMode: "public", exposedPorts: [80], egressMode: "isolated" });
  assert.throws(() => new compat.NetworkOptions({ ingress: "public" }), TypeError);
});

test("an old name that a call never had is unknown to it still", () => {
  assert.throws(() => jetway.Sandbox.run({ maxTimeoutSecond: 5 }), /unknown option "maxTimeoutSecond"/);
});

test("compat has both spellings, of the same classes, and everything else", () => {
  for (const name of Object.keys(jetway)) assert.equal(compat[name], jetway[name], name);
  for (const [old, now] of Object.entries({ AuthenticationError: "AuthenticationError", Client: "Client", ValidationError: "ValidationError" })) {
    for (const era of ["Aviato", "CWSandbox"]) assert.equal(compat[era + old], jetway[now], era + old);
  }
  assert.equal(compat.AviatoError, jetway.JetwayError);
  assert.equal(compat.CWSandboxError, jetway.JetwayError);
  assert.equal(compat.Serialization.JSON, "json");
  assert.throws(() => compat.Serialization.PICKLE, /STRUCTURED/);
});

test("an OperationRef is a promise with a result, and a limit on waiting for it", async () => {
  const { OperationRef } = compat;
  const ref = OperationRef.of(Promise.resolve(5));
  assert.ok(ref instanceof Promise);
  assert.deepEqual([await ref, await ref.result(), await ref.get(30)], [5, 5, 5]);
  await assert.rejects(OperationRef.of(new Promise(() => {})).result(0.01), { code: "wait_timeout" });
  await assert.rejects(OperationRef.of(Promise.reject(new RangeError("no"))).result(), RangeError);
});

test("the constants are the core's, under the names that the older SDKs gave them", async () => {
  const [options, config, poller, stop] = await Promise.all(
    ["src/sandbox/options.rs", "src/config/mod.rs", "src/sandbox/poller.rs", "src/sandbox/stop.rs"].map((path) =>
      source(path).catch(() => source(path.replace("/mod.rs", ".rs"))),
    ),
  );
  const found = (text, pattern) => pattern.exec(text)?.slice(1) ?? assert.fail(`${pattern} is not in the core`);
  assert.deepEqual([jetway.DEFAULT_CONTAINER_IMAGE], found(options, /DEFAULT_IMAGE: &str = "(.*)";/));
  assert.deepEqual([jetway.DEFAULT_COMMAND], found(options, /DEFAULT_COMMAND: &str = "(.*)";/));
  assert.deepEqual(JSON.stringify(jetway.DEFAULT_ARGS), JSON.stringify(JSON.parse(found(options, /DEFAULT_ARGS: \[&str; 2\] = (\[.*\]);/)[0])));
  assert.equal(jetway.DEFAULT_REQUEST_TIMEOUT_SECONDS, Number(found(config, /DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs\((\d+)\)/)));
  assert.equal(jetway.DEFAULT_POLL_INTERVAL_SECONDS * 1000, Number(found(poller, /CALM: Duration = Duration::from_millis\((\d+)\)/)));
  assert.equal(jetway.DEFAULT_POLL_BACKOFF_FACTOR, Number(found(poller, /INTERVAL_FACTOR: f64 = ([\d.]+)/)));
  assert.equal(jetway.DEFAULT_MAX_POLL_INTERVAL_SECONDS, Number(found(poller, /LAST_INTERVAL: Duration = Duration::from_secs\((\d+)\)/)));
  assert.equal(jetway.DEFAULT_GRACEFUL_SHUTDOWN_SECONDS, Number(found(stop, /DEFAULT_GRACEFUL_SHUTDOWN: Duration = Duration::from_secs\((\d+)\)/)));
  // Once for the way there and once for the way back.
  assert.equal(2 * jetway.DEFAULT_CLIENT_TIMEOUT_BUFFER_SECONDS, Number(found(stop, /CALL_BUFFER: Duration = Duration::from_secs\((\d+)\)/)));
  assert.equal(jetway.DEFAULT_MAX_LIFETIME_SECONDS, undefined);
  assert.equal(jetway.DEFAULT_TEMP_DIR, "/tmp");
  assert.equal(jetway.DEFAULT_BASE_URL, "https://api.cwsandbox.com");
  assert.deepEqual([jetway.WANDB_NETRC_HOST, jetway.DEFAULT_PROJECT_NAME], ["api.wandb.ai", "uncategorized"]);
  assert.deepEqual(jetway.WANDB_NETRC_HOSTS, ["api.wandb.ai", "wandb.ai"]);
  assert.deepEqual([compat.LEGACY_DEFAULT_COMMAND, ...compat.LEGACY_DEFAULT_ARGS], ["tail", "-f", "/dev/null"]);
});

test("input goes in pieces of 64 KiB, at most 16 at a time", async () => {
  const stdin = await source("src/process/stdin.rs");
  assert.match(stdin, /STDIN_CHUNK_BYTES: usize = 64 \* 1024;/);
  assert.match(stdin, /QUEUE: usize = 16;/);
});
