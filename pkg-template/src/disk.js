// Directories of this machine, for the runtimes that have Node's file system.

import { createReadStream, createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, readdir, readlink, rm, symlink, utimes } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";

/** What lies below a directory, parents first. */
export async function walk(root, ignored) {
  const base = root instanceof URL ? fileURLToPath(root) : root;
  const found = [];
  const visit = async (above) => {
    for (const name of (await readdir(join(base, above))).sort()) {
      const path = above ? `${above}/${name}` : name;
      const place = join(base, path);
      const about = await lstat(place);
      if (ignored(path, about.isDirectory())) continue;
      const known = { path, mode: about.mode & 0o7777, mtimeMs: about.mtimeMs };
      if (about.isDirectory()) {
        found.push({ ...known, type: "directory" });
        await visit(path);
      } else if (about.isSymbolicLink()) {
        found.push({ ...known, type: "symlink", target: await readlink(place) });
      } else if (about.isFile()) {
        found.push({ ...known, type: "file", size: about.size, data: () => createReadStream(place, { highWaterMark: 256 * 1024 }) });
      }
    }
  };
  await visit("");
  return found;
}

/** Writes entries below a directory; resolves to how much there was. */
export async function write(entries, target) {
  const base = resolve(target instanceof URL ? fileURLToPath(target) : target);
  await mkdir(base, { recursive: true });
  const links = [];
  let files = 0;
  let bytes = 0;
  for await (const { path, type, mode, modifiedAt, target: to, data } of entries) {
    const place = resolve(base, path);
    // An archive is somebody else's word: nothing of it may land elsewhere.
    if (!place.startsWith(base + sep)) throw new Error(`the archive names ${JSON.stringify(path)}, which is outside of its directory`);
    if (type === "directory") {
      await mkdir(place, { recursive: true });
    } else if (type === "file") {
      await mkdir(dirname(place), { recursive: true });
      const file = createWriteStream(place, { mode });
      for await (const chunk of data) {
        bytes += chunk.length;
        if (!file.write(chunk)) await new Promise((room, fail) => file.once("drain", room).once("error", fail));
      }
      file.end();
      await finished(file);
      await chmod(place, mode);
      await utimes(place, modifiedAt, modifiedAt);
      files += 1;
    } else if (type === "symlink" || type === "link") {
      links.push({ place, to });
    }
  }
  // Last, so that no entry can be written through one.
  for (const { place, to } of links) {
    await mkdir(dirname(place), { recursive: true });
    await rm(place, { force: true });
    await symlink(to, place);
  }
  return { files, bytes };
}
