// Node reaches a gRPC server directly over http2, TLS included: the server, and the proxy in front of it. The authority is
// trusted as a user would, by NODE_EXTRA_CA_CERTS, which only a new process reads.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startProxy } from "../browser/proxy.mjs";
import { startServer } from "../browser/server.mjs";

const ENTRY = new URL("../../target/npm/jetway/src/node.js", import.meta.url).href;
const PROGRAM = `
const { Client, Sandbox } = await import(${JSON.stringify(ENTRY)});
const client = new Client({ baseUrl: process.argv[1], auth: process.env.TOKEN });
const sandbox = await Sandbox.create({ client });
const talk = sandbox.exec(["cat"], { stdin: true });
await talk.write("typed");
await talk.closeStdin();
const { stdout } = await talk;
await sandbox.writeFile("/tmp/x", "text");
const read = await sandbox.readFile("/tmp/x", { encoding: "utf8" });
await sandbox.delete();
console.log(JSON.stringify({ stdout, read, transport: talk.transport }));
process.exit(0);
`;

const tell = async (url, TOKEN, authority) => {
  const env = { ...process.env, TOKEN, NODE_EXTRA_CA_CERTS: authority };
  const args = ["--input-type=module", "--eval", PROGRAM, url];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000, cwd: fileURLToPath(new URL(".", import.meta.url)) });
  return JSON.parse(stdout);
};

test("everything goes over http2 and TLS, to the server and through a proxy", { timeout: 120_000 }, async (t) => {
  const server = await startServer(["--tls"]);
  t.after(() => server.stop());
  const { url, token, authority } = server.ready;
  assert.match(url, /^https:/);
  const right = { stdout: "typed", read: "text", transport: "http2" };
  assert.deepEqual(await tell(url, token, authority), right);

  // TLS in front and behind: each end trusts its own authority.
  const proxy = await startProxy(url, { key: token, options: ["--tls", "--upstream-ca", authority] });
  t.after(() => proxy.stop());
  assert.match(proxy.url, /^https:/);
  const minted = await tell(proxy.url, await mint(proxy), proxy.authority);
  assert.deepEqual(minted, right);
});

/** A token, asked for by a process that trusts the proxy. */
async function mint(proxy) {
  const program = `
const { readFileSync } = await import("node:fs");
const headers = { authorization: "Bearer " + readFileSync(process.argv[2], "utf8").trim() };
const answer = await fetch(process.argv[1] + "/tokens", { method: "POST", headers, body: '{"everything":true}' });
console.log((await answer.json()).token);`;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: proxy.authority };
  const args = ["--input-type=module", "--eval", program, proxy.url, proxy.operatorSecretFile];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 });
  return stdout.trim();
}
