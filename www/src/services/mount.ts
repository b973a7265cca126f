// What the sandbox serves: its ports, and a look at each in a frame. Must not know the other panels.
import { button, h, put } from "../base/dom";
import type { Mount } from "../context";
import { whileRunning } from "../shell/following";

export const mount: Mount = (host, context) => {
  const ports = h("div", { class: "tabs", role: "group", "aria-label": "Ports" });
  const address = h("a", { class: "detail", target: "_blank", rel: "noreferrer", testid: "service-url" });
  const frame = h("iframe", { class: "preview", title: "Preview of the service", testid: "preview", sandbox: "allow-scripts allow-forms allow-same-origin allow-popups" });
  const reload = button("Reload", () => frame.src !== "" && (frame.src = address.href), { "data-testid": "preview-reload" });
  const none = h("p", { class: "empty" });
  host.append(h("div", { class: "pane-bar" }, ports, address, h("span", { class: "spacer" }), reload), none, frame);
  const open = (url: string, chosen: HTMLElement) => {
    for (const other of ports.children) other.setAttribute("aria-pressed", String(other === chosen));
    address.href = address.textContent = url;
    frame.src = url;
  };
  const following = whileRunning(context, host, async (sandbox) => {
    const served = sandbox.services.filter(({ url }) => url !== undefined);
    none.hidden = served.length > 0;
    frame.hidden = reload.hidden = served.length === 0;
    none.textContent = "This sandbox serves nothing. Name its ports in the form for a new one; a program that listens there is shown here.";
    address.textContent = "";
    const tabs = served.map(({ port, url }) => {
      const tab: HTMLButtonElement = button(String(port), () => open(framable(url ?? "", port, sandbox.sandboxId), tab), { class: "tab", "data-testid": `port-${port}` });
      return tab;
    });
    put(ports, ...tabs);
    tabs[0]?.click();
  });
  return following;
};

/** A service on an address of its own, by its name instead: policies of pages can allow names and not ranges of addresses. */
function framable(url: string, port: number, sandboxId: string | undefined): string {
  const address = new URL(url);
  if (address.hostname.startsWith("127.") && sandboxId !== undefined) address.hostname = `${port}-${sandboxId}.localhost`;
  return address.href;
}
