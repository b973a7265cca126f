// How calls are made: what sees them, and how often they are repeated.
import { deepEqual, equal, match, ok, rejects, throws } from "./assert.mjs";

/** Nothing listens there: port 9 is discard. */
const NOWHERE = "http://127.0.0.1:9";

export const client = {
  "interceptors see every call, add headers, and are told how it went": async ({ jetway, url, token }) => {
    const seen = [];
    const first = ({ operation, attempt, headers }) => {
      headers.authorization = "Bearer nonsense";
      headers["x-entity-id"] = "one"; // one that servers let pages of other origins send
      seen.push(`first ${operation} ${attempt}`);
      return (error) => seen.push(`first ${error?.code ?? "well"}`);
    };
    const second = async ({ operation }) => {
      seen.push(`second ${operation}`);
      return (error) => seen.push(`second ${error?.code ?? "well"}`);
    };
    const client = new jetway.Client({ baseUrl: url, auth: token, interceptors: [first, second] });
    await jetway.Sandbox.list({ client, pageSize: 1 });
    deepEqual(seen.splice(0), ["first ListSandboxes 1", "second ListSandboxes", "second well", "first well"]);
    await rejects(jetway.Sandbox.fromId("no-such-sandbox", { client }), jetway.SandboxNotFoundError);
    deepEqual(seen.splice(0), ["first GetSandbox 1", "second GetSandbox", "second not_found", "first not_found"]);
  },

  "an interceptor that throws refuses the call, and the others hear of it": async ({ jetway, url, token }) => {
    const told = [];
    const interceptors = [() => (error) => told.push(error.message), () => { throw new Error("not today"); }];
    const client = new jetway.Client({ baseUrl: url, auth: token, interceptors });
    const error = await rejects(jetway.Sandbox.list({ client }), jetway.ConfigurationError);
    match(error.message, /not today/);
    equal(told.length, 1);
  },

  "a call under way and then given up is told as cancelled": async ({ jetway, silentUrl }) => {
    if (!silentUrl) return;
    let begun;
    const sent = new Promise((resolve) => (begun = resolve));
    const told = new Promise((resolve) => {
      const interceptor = () => (begun(), (error) => resolve(error.code));
      const client = new jetway.Client({ baseUrl: silentUrl, auth: "x", interceptors: [interceptor] });
      const stop = new AbortController();
      jetway.Sandbox.fromId("any", { client, signal: stop.signal }).catch(() => {});
      sent.then(() => stop.abort());
    });
    equal(await told, "cancelled");
  },

  "a call that may be repeated is, as often as it is allowed to": async ({ jetway }) => {
    const attempts = async (retry) => {
      const seen = [];
      const interceptors = [({ attempt }) => void seen.push(attempt)];
      const client = new jetway.Client({ baseUrl: NOWHERE, auth: "x", retry, interceptors });
      await rejects(jetway.Sandbox.fromId("any", { client }), jetway.NetworkError);
      return seen;
    };
    deepEqual(await attempts(undefined), [1, 2, 3, 4]);
    deepEqual(await attempts(false), [1]);
    deepEqual(await attempts({ attempts: 2, firstDelayMs: 1, maxDelayMs: 1 }), [1, 2]);
    const client = new jetway.Client({ baseUrl: NOWHERE, auth: "x", retry: { attempts: 0 } });
    const error = await rejects(jetway.Sandbox.fromId("any", { client }), jetway.ValidationError);
    equal(error.fieldViolations[0].field, "retry.attempts");
  },

  "an account's key is refused in a page, and nowhere else": async ({ jetway, page, url, token }) => {
    const account = jetway.wandb({ apiKey: "k", entity: "e" });
    for (const options of [{ apiKey: token }, { auth: account }]) {
      if (!page) {
        ok(new jetway.Client({ baseUrl: url, ...options }) instanceof jetway.Client);
        continue;
      }
      const error = throws(() => new jetway.Client({ baseUrl: url, ...options }), jetway.ConfigurationError);
      equal(error.code, "configuration_error");
      match(error.hint, /short-lived token/);
      ok(new jetway.Client({ baseUrl: url, ...options, dangerouslyAllowApiKeyInBrowser: true }) instanceof jetway.Client);
    }
    throws(() => jetway.wandb({ apiKey: "k" }), jetway.WandbAuthError);
    const { strategy, headers } = await jetway.resolveAuth({ baseUrl: url, auth: account, dangerouslyAllowApiKeyInBrowser: true });
    equal(strategy, "option");
    equal(headers["x-wandb-api-key"], "k");
    equal(headers["x-api-key"], "k");
  },
};
