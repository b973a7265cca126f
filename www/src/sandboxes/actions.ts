// What can be done to a sandbox of the list, and which of it makes sense now. Must not know how it is drawn.
import { button, h } from "../base/dom";
import { bytes } from "../base/format";
import { describe } from "../base/problem";
import type { Context } from "../context";
import { present } from "../shell/palette";
import type { Entry } from "../state/fleet";

/** Something that can be done to a sandbox. */
export interface Action {
  readonly id: "stop" | "pause" | "resume" | "snapshot" | "fork" | "delete";
  readonly icon: string;
  readonly title: string;
  readonly run: () => void;
}

/** The actions for a sandbox in its present state. */
export function actionsFor(entry: Entry, context: Context): readonly Action[] {
  const { fleet, workspace } = context;
  const name = entry.name ?? entry.id.slice(0, 8);
  const mine = () => workspace.view.value.id === entry.id;
  const attempt = async (act: () => Promise<string>) => {
    try {
      context.tell(await act());
    } catch (error) {
      context.complain(describe(error));
      context.suspect(error);
    }
  };
  const pause: Action = {
    id: "pause",
    icon: "pause",
    title: "Pause",
    run: () =>
      void attempt(async () => {
        await fleet.pause(entry);
        await workspace.refresh();
        return `${name} is paused: its processes are frozen, its files are saved.`;
      }),
  };
  const resume: Action = {
    id: "resume",
    icon: "play",
    title: "Resume",
    run: () =>
      void attempt(async () => {
        const sandbox = await fleet.resume(entry);
        if (mine()) await workspace.refresh();
        else await workspace.select(sandbox);
        return `${name} goes on.`;
      }),
  };
  const stop: Action = {
    id: "stop",
    icon: "stop",
    title: "Stop",
    run: () =>
      void attempt(async () => {
        await fleet.stop(entry);
        if (mine()) workspace.leave();
        return `${name} is stopped.`;
      }),
  };
  const snapshot: Action = {
    id: "snapshot",
    icon: "camera",
    title: "Snapshot",
    run: () =>
      void attempt(async () => {
        const { snapshotId, sizeBytes } = await fleet.snapshot(entry);
        return `Snapshot ${snapshotId}, ${bytes(sizeBytes)}. A new sandbox can begin with it.`;
      }),
  };
  const fork: Action = {
    id: "fork",
    icon: "fork",
    title: "Fork",
    run: () =>
      void attempt(async () => {
        const sandbox = await fleet.fork(entry);
        await workspace.select(sandbox);
        return `This is the fork of ${name}.`;
      }),
  };
  const remove: Action = {
    id: "delete",
    icon: "trash",
    title: "Delete",
    run: () =>
      confirmed(`Delete ${name}?`, "Its processes end and its files are gone.", "Delete", () =>
        void attempt(async () => {
          await fleet.remove(entry);
          if (mine()) workspace.leave();
          return `${name} is deleted.`;
        }),
      ),
  };
  if (entry.status === "paused") return [resume, remove];
  if (entry.status === "running") return [pause, snapshot, fork, stop, remove];
  return [remove];
}

/** Asks before something that cannot be undone. */
export function confirmed(question: string, consequence: string, verb: string, act: () => void): void {
  const dialog = h("dialog", { "aria-labelledby": "confirm-title", role: "alertdialog", testid: "confirm" });
  const go = button(verb, () => (dialog.close(), act()), { class: "danger", "data-testid": "confirm-yes" });
  dialog.append(
    h("h2", { id: "confirm-title" }, question),
    h("p", {}, consequence),
    h("div", { class: "dialog-foot" }, button("Cancel", () => dialog.close()), go),
  );
  present(dialog);
  go.focus();
}
