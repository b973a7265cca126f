// The form for a new sandbox. It knows the options; what is wrong with them the library says. Must not know the list.
import type { RunOptions } from "jetway";
import { button, h } from "../base/dom";
import { describe, sentence } from "../base/problem";
import type { Context } from "../context";
import { present } from "../shell/palette";
import { HOME, TAG, usualOptions } from "../state/workspace";

const CPU = ["", "500m", "1", "2", "4"];
const MEMORY = ["", "256Mi", "512Mi", "1Gi", "2Gi", "4Gi"];
const LIFETIMES: Readonly<Record<string, string>> = { "900": "15 minutes", "3600": "1 hour", "14400": "4 hours", "86400": "1 day" };
const NETWORKS: Readonly<Record<string, string>> = {
  usual: "The server's default",
  all: "Anywhere",
  hosts: "These hosts only",
  none: "Nowhere",
};

/** Opens the form. It closes when the server has accepted the sandbox, and says what was wrong otherwise. */
export function openCreate(context: Context): void {
  const { server } = context.connection.link.value;
  const images = server?.images ?? [];
  const dialog = h("dialog", { class: "create", "aria-labelledby": "create-title", testid: "create" });
  const image = h("select", { id: "create-image", testid: "image" }, ...images.map((name) => new Option(name, name, false, name === server?.defaultImage)));
  const other = text("create-other", "registry/name:tag, instead of the list");
  const template = h("select", { id: "create-template", testid: "template" }, new Option("None", ""));
  const name = text("create-name", "What people see; optional");
  const cpu = choice("create-cpu", CPU, "Server's default");
  const memory = choice("create-memory", MEMORY, "Server's default");
  const network = h("select", { id: "create-network", testid: "network" }, ...Object.entries(NETWORKS).map(([key, label]) => new Option(label, key)));
  const hosts = text("create-hosts", "pypi.org, *.example.com");
  const hostsRow = row("create-hosts", "Hosts, by HTTPS", hosts);
  hostsRow.hidden = true;
  network.addEventListener("change", () => (hostsRow.hidden = network.value !== "hosts"));
  const ports = text("create-ports", "8080, 3000", "8080");
  const tags = text("create-tags", "comma-separated", TAG);
  const lifetime = h("select", { id: "create-lifetime" }, ...Object.entries(LIFETIMES).map(([key, label]) => new Option(label, key, false, key === "14400")));
  const snapshot = text("create-snapshot", "id of a snapshot to begin with");
  const env = h("textarea", { id: "create-env", rows: 2, placeholder: "NAME=value, one a line", spellcheck: "false" });
  const problem = h("p", { class: "form-problem", role: "alert", testid: "create-problem", hidden: true });
  const submit = h("button", { type: "submit", class: "primary", testid: "create-submit" }, "Create");
  const form = h(
    "form",
    { "aria-labelledby": "create-title" },
    h("div", { class: "dialog-head" }, h("h2", { id: "create-title" }, "New sandbox"), button("Close", () => dialog.close(), { class: "quiet" })),
    h(
      "div",
      { class: "form-grid" },
      row("create-image", "Image", image),
      row("create-other", "Other image", other),
      row("create-name", "Name", name),
      row("create-template", "Template", template),
      row("create-cpu", "Processors", cpu),
      row("create-memory", "Memory", memory),
      row("create-network", "May reach", network),
      hostsRow,
      row("create-ports", "Ports to preview", ports),
      row("create-lifetime", "Ends after", lifetime),
      row("create-tags", "Tags", tags),
      row("create-snapshot", "Snapshot", snapshot),
      row("create-env", "Environment", env),
    ),
    problem,
    h("div", { class: "dialog-foot" }, button("Cancel", () => dialog.close()), submit),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void create();
  });
  dialog.append(form);
  present(dialog);
  image.focus();
  void offerTemplates();

  async function offerTemplates(): Promise<void> {
    // Without templates, or on a server that has none to offer, the list stays as it is.
    const known = await context.fleet.templates().catch(() => []);
    for (const { templateId, displayName } of known) template.add(new Option(displayName ?? templateId, templateId));
    template.disabled = known.length === 0;
  }

  async function create(): Promise<void> {
    problem.hidden = true;
    submit.disabled = true;
    submit.textContent = "Creating …";
    const named = name.value.trim();
    const started = context.workspace.create(options(), named === "" ? undefined : named);
    try {
      const { sandbox } = context.workspace.view.value;
      await sandbox?.start();
      dialog.close();
      await started;
    } catch (error) {
      problem.hidden = false;
      problem.textContent = sentence(describe(error));
      submit.disabled = false;
      submit.textContent = "Create";
      await started.catch(() => undefined);
    }
  }

  function options(): RunOptions {
    const asked = other.value.trim() || image.value || undefined;
    const amounts = { ...(cpu.value && { cpu: cpu.value }), ...(memory.value && { memory: memory.value }) };
    const begun = snapshot.value.trim();
    return {
      ...usualOptions(template.value === "" ? asked : other.value.trim() || undefined),
      ...(template.value !== "" && { template: template.value }),
      ...(Object.keys(amounts).length > 0 && { resources: amounts }),
      ...(begun !== "" && { volumes: [{ mountPath: HOME, snapshotId: begun }] }),
      ...networkOptions(network.value, words(hosts.value)),
      services: words(ports.value).map((port) => ({ port: Number(port), visibility: "public" as const })),
      tags: words(tags.value),
      maxLifetimeSeconds: Number(lifetime.value),
      ...(env.value.trim() !== "" && { env: variables(env.value) }),
    };
  }
}

function networkOptions(choice: string, hosts: readonly string[]): Pick<RunOptions, "network"> {
  if (choice === "none") return { network: { denyEgress: true } };
  if (choice === "all") return { network: { egress: [{ any: true }] } };
  if (choice === "hosts") return { network: { egress: hosts.map((httpsHostname) => ({ httpsHostname })) } };
  return {};
}

function variables(text: string): Record<string, string> {
  const pairs = text.split("\n").map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1)];
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== ""));
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function row(id: string, label: string, field: HTMLElement): HTMLElement {
  return h("div", { class: "form-row" }, h("label", { for: id }, label), field);
}

function text(id: string, placeholder: string, value = ""): HTMLInputElement {
  return h("input", { type: "text", id, placeholder, value, autocomplete: "off", spellcheck: "false", testid: id });
}

function choice(id: string, values: readonly string[], usual: string): HTMLSelectElement {
  return h("select", { id, testid: id }, ...values.map((value) => new Option(value || usual, value)));
}
