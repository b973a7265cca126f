// The list of sandboxes: live, with what can be done to each. Must not know the other panels.
import { button, h, iconButton, put } from "../base/dom";
import { span } from "../base/format";
import { describe } from "../base/problem";
import type { Context, Mount } from "../context";
import type { Entry } from "../state/fleet";
import { actionsFor } from "./actions";
import { openCreate } from "./create";
import { openPurge } from "./purge";

const REDRAW_EVERY_MS = 1_000;

export const mount: Mount = (host, context) => {
  const list = h("ul", { class: "fleet", testid: "fleet", "aria-label": "Running sandboxes" });
  const create = () => openCreate(context);
  const purge = () => openPurge(context);
  const add = button("New", create, { class: "primary small", "data-testid": "new-sandbox", "aria-label": "New sandbox" });
  host.append(
    h("div", { class: "side-head" }, h("h2", {}, "Sandboxes"), h("span", { class: "spacer" }), iconButton("trash", "Remove by tag", purge, { class: "quiet", "data-testid": "open-purge" }), add),
    list,
  );
  const draw = () => put(list, ...rows(context));
  let drawn = "";
  const redraw = () => {
    const sign = signOf(context);
    if (sign === drawn) return refreshTimes(list, context);
    drawn = sign;
    const focused = document.activeElement?.closest("[data-key]")?.getAttribute("data-key");
    draw();
    if (focused !== undefined) list.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused ?? "")}"]`)?.focus();
  };
  context.fleet.listing.subscribe(redraw);
  context.workspace.view.subscribe(redraw);
  context.connection.link.subscribe(({ state }) => {
    add.disabled = state !== "online";
    redraw();
  });
  setInterval(() => refreshTimes(list, context), REDRAW_EVERY_MS);
  context.commands.add(
    { id: "sandbox.new", title: "New sandbox", keys: "Alt+N", run: create },
    { id: "sandbox.purge", title: "Remove sandboxes by tag", run: purge },
    ...(["stop", "pause", "resume", "snapshot", "fork", "delete"] as const).map((name) => ({
      id: `sandbox.${name}`,
      title: `${name[0]?.toUpperCase()}${name.slice(1)} this sandbox`,
      run: () => {
        const entry = current(context);
        const action = entry === undefined ? undefined : actionsFor(entry, context).find(({ id }) => id === name);
        action?.run();
      },
    })),
  );
  return { focus: () => (list.querySelector<HTMLElement>("[aria-current=true]") ?? add).focus() };
};

function current({ fleet, workspace }: Context): Entry | undefined {
  return fleet.listing.value.entries.find(({ id }) => id === workspace.view.value.id);
}

/** What the list says, apart from times: it is drawn anew only when this changes, so that nobody loses his place. */
function signOf({ fleet, workspace, connection }: Context): string {
  const { known, entries, problem } = fleet.listing.value;
  const { id, phase } = workspace.view.value;
  return JSON.stringify([known, entries.map((entry) => [entry.id, entry.status, entry.name]), problem?.message, id, phase, connection.link.value.state]);
}

function rows(context: Context): HTMLElement[] {
  const { known, entries } = context.fleet.listing.value;
  const { phase } = context.workspace.view.value;
  if (!known) return [h("li", { class: "skeleton", "aria-label": "Loading" }), h("li", { class: "skeleton" })];
  if (entries.length === 0) {
    const text = phase === "starting" ? "Starting the first one …" : "No sandbox runs. Make one with New, or run a program: that starts one by itself.";
    return [h("li", { class: "empty" }, text)];
  }
  return entries.map((entry) => row(entry, context));
}

function row(entry: Entry, context: Context): HTMLElement {
  const selected = entry.id === context.workspace.view.value.id;
  const title = entry.name ?? shortImage(entry.image);
  const choose = h("button", { type: "button", class: "fleet-main", "data-key": entry.id, testid: "sandbox-row", "aria-current": selected && "true" });
  choose.append(
    h("span", { class: "dot", "data-status": entry.status, "aria-hidden": "true" }),
    h("span", { class: "fleet-name" }, title),
    h("span", { class: "fleet-status" }, entry.status),
    h("span", { class: "fleet-detail" }, `${entry.id.slice(0, 8)}${entry.name === undefined ? "" : ` · ${shortImage(entry.image)}`}`),
    h("span", { class: "fleet-uptime", "data-since": entry.startedAt?.getTime() }, uptime(entry)),
  );
  choose.title = `${entry.id}\n${entry.image ?? ""}${entry.tags.length === 0 ? "" : `\ntags: ${entry.tags.join(", ")}`}`;
  choose.addEventListener("click", () => void select(entry, context));
  const actions = actionsFor(entry, context).map(({ id, icon, title: name, run }) =>
    iconButton(icon, `${name} ${title}`, run, { class: "quiet", "data-testid": `${id}-sandbox`, "data-key": `${entry.id}/${id}` }),
  );
  return h("li", { class: "fleet-row", "data-selected": selected ? "" : undefined, "data-id": entry.id }, choose, h("div", { class: "fleet-actions" }, ...actions));
}

async function select(entry: Entry, context: Context): Promise<void> {
  try {
    await context.workspace.select(entry.sandbox);
  } catch (error) {
    context.complain(describe(error));
  }
}

function refreshTimes(list: HTMLElement, { fleet }: Context): void {
  for (const { id, ...entry } of fleet.listing.value.entries) {
    const node = list.querySelector(`[data-id="${CSS.escape(id)}"] .fleet-uptime`);
    const text = uptime(entry);
    if (node !== null && node.textContent !== text) node.textContent = text;
  }
}

function uptime({ startedAt }: Pick<Entry, "startedAt">): string {
  return startedAt === undefined ? "" : span(Date.now() - startedAt.getTime());
}

function shortImage(image: string | undefined): string {
  return image === undefined ? "sandbox" : image.slice(image.lastIndexOf("/") + 1);
}
