// Files of the sandbox to this machine: one as it is, a folder as the archive that `tar` makes in the sandbox. Must not
// know the tree.
import type { Sandbox } from "jetway";
import { bytes } from "../base/format";

/** Saves one file. */
export async function saveFile(sandbox: Sandbox, path: string): Promise<void> {
  const data = await new Response(sandbox.files.readStream(path)).blob();
  hand(data, path.slice(path.lastIndexOf("/") + 1));
}

/** Saves a folder as `name.tar.gz`; `advance` hears how much has come. */
export async function saveFolder(sandbox: Sandbox, path: string, advance: (share: number, text: string) => void): Promise<void> {
  const name = path.slice(path.lastIndexOf("/") + 1) || "root";
  const tar = sandbox.exec(["tar", "-C", path, "-czf", "-", "."], { check: true });
  let come = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, out) => {
      come += chunk.byteLength;
      advance(0.5, `${name}.tar.gz: ${bytes(come)}`);
      out.enqueue(chunk);
    },
  });
  const [data] = await Promise.all([new Response(tar.stdout.pipeThrough(counted)).blob(), tar.result()]);
  hand(data, `${name}.tar.gz`);
}

function hand(data: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
