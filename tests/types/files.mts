// Files, logs and shell lines: what the types allow, and what they refuse.
import { Sandbox, type FileEntry, type LogPosition } from "jetway";
import { type Same, is } from "./is.mjs";

declare const sandbox: Sandbox;

export async function files() {
  const { files } = sandbox;
  is<Same<Awaited<ReturnType<typeof files.list>>, FileEntry[]>>();
  const bytes: Uint8Array = await files.read("/a");
  const text: string = await files.read("/a", { encoding: "utf8", container: "box" });
  await files.write("/a", new Blob([text]));
  await files.write("/a", files.readStream("/b"));
  await files.mkdir("/d", { recursive: false, timeoutMs: 5 });
  await files.remove("/d", { recursive: true, missingOk: true });
  // @ts-expect-error bytes are not text
  const wrong: string = await files.read("/a");
  // @ts-expect-error an unknown option
  await files.list("/", { depht: 2 });
  // @ts-expect-error a number is no content
  await files.write("/a", 7);
  // @ts-expect-error what it is named to is needed
  await files.rename("/a");
  for await (const { type, path } of await files.watch("/a", { recursive: true })) {
    const known: "create" | "modify" | "remove" | "overflow" = type;
    void [known, path];
  }
  const { files: count } = await files.upload({ "a.txt": "x" }, "/up", { ignore: ["*.log"], onProgress: ({ totalBytes }) => void totalBytes });
  const down: { bytes: number } = await files.download("/up", "./here");
  for await (const entry of files.download("/up")) for await (const chunk of entry.data) void chunk.length;
  void [bytes, wrong, count, down];
}

export async function logs() {
  const log = sandbox.logs({ follow: true, tailLines: 5, since: new Date(), timestamps: true });
  for await (const line of log) void line.length;
  const position: LogPosition | undefined = log.position;
  if (position) sandbox.logs({ resume: position });
  // @ts-expect-error a text is no moment
  sandbox.logs({ since: "yesterday" });
}

export async function lines() {
  const { stdout } = await sandbox.$`ls ${"dir"} ${["a", 3]}`;
  await sandbox.$({ cwd: "/src", check: true })`make`;
  // @ts-expect-error an object is no word
  sandbox.$`ls ${{}}`;
  // @ts-expect-error an unknown option
  sandbox.$({ cdw: "/" });
  void stdout;
}
