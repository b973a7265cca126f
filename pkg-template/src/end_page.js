// The end of a page: its sandboxes are deleted by requests that outlive it. One that the browser keeps to come back to
// finds its sandboxes; if it never does, they end with their lifetimes.

/** @param {{ farewells: () => { url: string, headers: [string, string][], body: Uint8Array, fetch?: Function }[] }} owned */
export function watchPage({ farewells }) {
  globalThis.addEventListener?.("pagehide", (event) => {
    if (event.persisted) return;
    for (const { url, headers, body, fetch = globalThis.fetch } of farewells()) {
      Promise.resolve(fetch(url, { method: "POST", headers, body, keepalive: true })).catch(() => {});
    }
  });
  return {};
}
