// The files of the sandbox: a tree that follows changes; open, upload, download, make, remove. Must not know the editor.
import type { Sandbox } from "jetway";
import { button, h, iconButton, put } from "../base/dom";
import { describe } from "../base/problem";
import type { Mount } from "../context";
import { whileRunning } from "../shell/following";
import { HOME } from "../state/workspace";
import { saveFile, saveFolder } from "./download";
import { Tree } from "./tree";
import { droppedFiles, upload } from "./upload";

export const mount: Mount = (host, context) => {
  const progress = h("progress", { max: 1, value: 0, "aria-label": "Transfer", hidden: true, testid: "progress" });
  const state = h("span", { class: "detail", role: "status", testid: "transfer" });
  const picker = h("input", { type: "file", multiple: true, hidden: true, testid: "file-picker", "aria-label": "Files to upload" });
  const path = h("input", { type: "text", value: HOME, "aria-label": "Folder", spellcheck: "false", testid: "folder" });
  let sandbox: Sandbox | undefined;
  const attempt = async (what: string, act: (target: Sandbox) => Promise<unknown>) => {
    if (sandbox === undefined) return;
    state.textContent = `${what} …`;
    try {
      await act(sandbox);
      state.textContent = `${what}: done`;
    } catch (error) {
      state.textContent = "";
      context.complain(describe(error));
      context.suspect(error);
    }
    progress.hidden = true;
  };
  const advance = (share: number, text: string) => {
    progress.hidden = false;
    progress.value = share;
    state.textContent = text;
  };
  const tree = new Tree({
    onOpen: (file) => context.openFile(file),
    onRemove: (file) => void attempt(`Remove ${file}`, (target) => target.files.remove(file, { recursive: true })),
    onSave: (file, isFolder) =>
      void attempt(`Download ${file}`, (target) => (isFolder ? saveFolder(target, file, advance) : saveFile(target, file))),
    onFail: (error) => context.complain(describe(error)),
  });
  const send = (files: readonly { path: string; data: File }[]) =>
    void attempt(`Upload ${files.length} ${files.length === 1 ? "file" : "files"}`, async (target) => {
      await upload(target, files, tree.root, advance);
      await tree.refresh();
    });
  picker.addEventListener("change", () => {
    send([...(picker.files ?? [])].map((data) => ({ path: data.name, data })));
    picker.value = "";
  });
  path.addEventListener("change", () => void tree.show(sandbox, path.value.trim() || HOME));
  host.append(
    h(
      "div",
      { class: "pane-bar" },
      path,
      h("span", { class: "spacer" }),
      state,
      progress,
      button("Upload", () => picker.click(), { "data-testid": "upload" }),
      iconButton("down", "Download this folder as an archive", () => void attempt(`Download ${tree.root}`, (target) => saveFolder(target, tree.root, advance)), { "data-testid": "download-folder" }),
      iconButton("refresh", "Read again", () => void tree.refresh()),
      picker,
    ),
    tree.element,
    h("p", { class: "drop-hint hint" }, "Drop files or folders here to upload them."),
  );
  host.addEventListener("dragover", (event) => {
    event.preventDefault();
    host.dataset["drop"] = "";
  });
  host.addEventListener("dragleave", () => delete host.dataset["drop"]);
  host.addEventListener("drop", (event) => {
    event.preventDefault();
    delete host.dataset["drop"];
    if (event.dataTransfer !== null) void droppedFiles(event.dataTransfer).then(send);
  });
  const following = whileRunning(context, host, async (target, signal) => {
    sandbox = target;
    await tree.show(target, path.value);
    const watcher = await target.files.watch(tree.root, { recursive: true, signal });
    signal.addEventListener("abort", () => watcher.close(), { once: true });
    let due: ReturnType<typeof setTimeout> | undefined;
    for await (const _ of watcher) {
      due ??= setTimeout(() => {
        due = undefined;
        void tree.refresh();
      }, 150);
    }
  });
  put(state);
  return { ...following, focus: () => tree.focus() };
};
