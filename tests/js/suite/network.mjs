// What a sandbox serves, and what may go in and out of it.
import { deepEqual, equal, ok, rejects } from "./assert.mjs";

const SERVE = `
import http.server
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(b"from inside " + self.path.encode())
http.server.HTTPServer(("", 8080), App).serve_forever()`;

/** Its program takes a moment to listen; until then the server says that nothing does. */
async function eventually(url) {
  for (let tries = 0; tries < 300; tries++) {
    const text = await fetch(url).then((answer) => (answer.ok ? answer.text() : undefined), () => undefined);
    if (text !== undefined) return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} never answered`);
}

export const network = {
  "a service is reached at its URL": async ({ jetway, client }) => {
    const services = [{ port: 8080, name: "web", visibility: "public" }, { port: 9090 }];
    const sandbox = jetway.Sandbox.run("python3", "-c", SERVE, { client, services });
    const url = await sandbox.url(8080);
    equal(await eventually(`${url}path?q=1`), "from inside /path?q=1");
    deepEqual(sandbox.serviceUrls, [{ port: 8080, name: "web", url }]);
    equal((await jetway.Sandbox.fromId(sandbox.sandboxId, { client })).serviceUrls[0].url, url);
    deepEqual(sandbox.services.map(({ port, visibility }) => [port, visibility]), [[8080, "public"], [9090, undefined]]);
    const missing = await sandbox.url(9090).catch((error) => error);
    ok(missing instanceof jetway.ValidationError && missing.message.includes("8080, 9090"), String(missing));
    await rejects(sandbox.url(70000), TypeError);
    await sandbox.delete();
  },

  "a share token is told to who created the sandbox, and fronts are told apart": async ({ jetway, client }) => {
    const services = [
      { port: 8080, endpoint: { auth: "share_token" } },
      { port: 8443, name: "tls", endpoint: { kind: "tls_passthrough" } },
    ];
    const sandbox = await jetway.Sandbox.create({ client, services });
    ok(sandbox.endpointShareToken.length >= 32);
    await sandbox.getStatus();
    ok(sandbox.endpointShareToken, "it is forgotten");
    ok(!JSON.stringify(sandbox).includes(sandbox.endpointShareToken), "it is shown");
    equal((await jetway.Sandbox.fromId(sandbox.sandboxId, { client })).endpointShareToken, undefined);
    const [front] = sandbox.serviceEndpoints;
    ok(front.url.startsWith("https://") && front.endpoint.requestTimeoutSeconds > 0 && front.endpoint.auth === "share_token");
    deepEqual(sandbox.serviceAddresses.map(({ port, name, address }) => [port, name, /^[^:]+:\d+$/.test(address)]), [[8443, "tls", true]]);
    await sandbox.delete();
  },

  "without a rule nothing is reached, and with one not what is internal": async ({ jetway, client, sandbox }) => {
    const proxied = (it) => it.exec(["sh", "-c", "env | grep -c -i https_proxy"]).then(({ stdout }) => stdout.trim());
    equal(await proxied(sandbox), "0");
    const open = jetway.Sandbox.run({ client, network: { egress: [{ any: true, ports: [443, { port: 80, endPort: 90 }] }] } });
    ok((await proxied(open)) !== "0");
    const ask = `import socket; s = socket.create_connection(("127.0.0.1", 61080)); s.sendall(b"CONNECT 169.254.169.254:80 HTTP/1.1\\r\\n\\r\\n"); print(s.recv(12).decode())`;
    ok((await open.exec(["python3", "-c", ask])).stdout.includes("403"));
    await open.delete();
  },

  "the words of older SDKs mean services and rules": async ({ jetway, client }) => {
    const network = { ingressMode: "public", exposedPorts: [8080, { containerPort: 8081, name: "b" }], egressMode: "isolated" };
    const sandbox = await jetway.Sandbox.create({ client, ports: [{ containerPort: 8080, name: "a", protocol: "TCP" }], network });
    deepEqual(sandbox.serviceUrls.map(({ port, name }) => [port, name]), [[8080, "a"], [8081, "b"]]);
    await sandbox.delete();
    const field = async (options) => {
      const error = await jetway.Sandbox.create({ client, ...options }).then(() => undefined, (error) => error);
      ok(error instanceof jetway.ValidationError, `${JSON.stringify(options)}: ${error}`);
      return error.fieldViolations[0].field;
    };
    equal(await field({ network: { ingressMode: "public" } }), "network.exposedPorts");
    equal(await field({ network: { egressMode: "allowlist" } }), "network.egressMode");
    equal(await field({ network: { egress: [{ any: true, cidr: "1.0.0.0/8" }] } }), "network.egress");
    equal(await field({ network: { egress: [{ httpsHostname: "*" }] } }), "network.egress[0].httpsHostname");
    equal(await field({ services: [{ port: 0 }] }), "services[0].port");
    await rejects(jetway.Sandbox.create({ client, services: [{ prot: 80 }] }), TypeError);
    await rejects(jetway.Sandbox.create({ client, network: { denyEgres: true } }), TypeError);
  },
};
