// Whole files, both ways.
import { deepEqual, equal, ok, rejects } from "./assert.mjs";

export const files = {
  "text and bytes come back as they went": async ({ sandbox }) => {
    await sandbox.writeFile("/tmp/files/deep/er/text.txt", "grün €\n");
    equal(await sandbox.readFile("/tmp/files/deep/er/text.txt", { encoding: "utf8" }), "grün €\n");
    const bytes = new Uint8Array(300).map((_, at) => at);
    await sandbox.writeFile("/tmp/files/bytes", bytes);
    deepEqual(await sandbox.readFile("/tmp/files/bytes"), bytes);
    equal((await sandbox.exec(["wc", "-c", "/tmp/files/bytes"])).stdout, "300 /tmp/files/bytes\n");
  },

  "a file may be empty, and is replaced whole": async ({ sandbox }) => {
    await sandbox.writeFile("/tmp/files/empty", "longer than nothing");
    await sandbox.writeFile("/tmp/files/empty", "");
    equal((await sandbox.readFile("/tmp/files/empty")).length, 0);
  },

  "Blobs, buffers and streams are written too": async ({ sandbox }) => {
    const write = async (data) => {
      await sandbox.writeFile("/tmp/files/any", data);
      return sandbox.readFile("/tmp/files/any", { encoding: "utf8" });
    };
    equal(await write(new Blob(["bl", "ob"])), "blob");
    equal(await write(new Blob(["stream"]).stream()), "stream");
    equal(await write(new TextEncoder().encode("buffer").buffer), "buffer");
    equal(await write(new DataView(new TextEncoder().encode("xviewx").buffer, 1, 4)), "view");
    await rejects(write({ no: "data" }), TypeError);
    await rejects(write(null), TypeError);
  },

  "eight mebibytes survive both ways": async ({ sandbox }) => {
    const bytes = new Uint8Array(8 * 1024 * 1024).map((_, at) => (at * 31 + (at >> 8)) & 0xff);
    await sandbox.writeFile("/tmp/files/large", bytes);
    const back = await sandbox.readFile("/tmp/files/large");
    equal(back.length, bytes.length);
    ok(back.every((byte, at) => byte === bytes[at]), "the bytes changed");
    await sandbox.exec(["rm", "/tmp/files/large"]);
  },

  "forty mebibytes are more than one call carries, and go as a stream both ways": async ({ sandbox }) => {
    const bytes = new Uint8Array(40 * 1024 * 1024 + 5).map((_, at) => (at * 31 + (at >> 9)) & 0xff);
    await sandbox.files.write("/tmp/files/new/huge", bytes);
    const back = await sandbox.files.read("/tmp/files/new/huge");
    equal(back.length, bytes.length);
    let wrong = 0;
    for (let at = 0; at < back.length; at++) wrong += back[at] !== bytes[at];
    equal(wrong, 0, "bytes changed");
    deepEqual((await sandbox.files.list("/tmp/files/new")).map(({ name }) => name), ["huge"], "nothing is left beside it");
    await sandbox.files.remove("/tmp/files/new", { recursive: true });
  },

  "a stream is written as it comes, and nothing appears of one that breaks off": async ({ sandbox, jetway }) => {
    const pieces = async function* (fails) {
      for (let i = 0; i < 6; i++) yield new Uint8Array(512 * 1024).fill(i);
      if (fails) throw new Error("the source broke");
    };
    await sandbox.files.write("/tmp/files/poured", pieces(false));
    equal((await sandbox.files.stat("/tmp/files/poured")).size, 3 * 1024 * 1024);
    await rejects(sandbox.files.write("/tmp/files/broken", pieces(true)), { message: /the source broke|cancelled|aborted/ });
    equal(await sandbox.files.exists("/tmp/files/broken"), false);
    const names = (await sandbox.files.list("/tmp/files")).map(({ name }) => name);
    ok(!names.some((name) => name.endsWith(".part")), `something was left: ${names}`);
    await rejects(sandbox.files.write("/proc/nowhere/file", pieces(false)), jetway.SandboxFileError);
  },

  "a file is read piece by piece, and a missing one fails the stream": async ({ sandbox, jetway }) => {
    await sandbox.exec(["sh", "-c", "head -c 5000000 /dev/zero > /tmp/files/zeros"]);
    let length = 0;
    for await (const chunk of sandbox.files.readStream("/tmp/files/zeros")) length += chunk.length;
    equal(length, 5_000_000);
    const missing = sandbox.files.readStream("/tmp/files/missing");
    const error = await rejects(missing.getReader().read(), jetway.SandboxFileError);
    equal(error.reason, "CWSANDBOX_FILE_NOT_FOUND");
  },

  "directories are made, listed, moved, copied and removed": async ({ sandbox, jetway }) => {
    const { files } = sandbox;
    await files.mkdir("/tmp/tree/a/b");
    await files.mkdir("/tmp/tree/a/b");
    await rejects(files.mkdir("/tmp/tree/a/b", { recursive: false }), { reason: "CWSANDBOX_FILE_EXISTS" });
    await files.write("/tmp/tree/a/it's $HOME \n file", "x");
    await files.write("/tmp/tree/.hidden", "four");
    await sandbox.exec(["ln", "-s", "a", "/tmp/tree/link"]);
    const shown = async (path, options) => (await files.list(path, options)).map(({ path, type }) => `${path} ${type}`);
    deepEqual(await shown("/tmp/tree"), ["/tmp/tree/.hidden file", "/tmp/tree/a directory", "/tmp/tree/link symlink"]);
    deepEqual((await shown("/tmp/tree", { depth: 2 })).slice(2, 4), ["/tmp/tree/a/b directory", "/tmp/tree/a/it's $HOME \n file file"]);
    const about = await files.stat("/tmp/tree/.hidden");
    equal(about.name, ".hidden");
    equal(about.size, 4);
    equal(about.mode & 0o600, 0o600);
    ok(Math.abs(about.modifiedAt - Date.now()) < 600_000);
    equal((await files.stat("/tmp/tree/link")).type, "directory");
    await files.copy("/tmp/tree/a", "/tmp/tree/c");
    await files.rename("/tmp/tree/c/it's $HOME \n file", "/tmp/tree/moved");
    equal(await files.readText("/tmp/tree/moved"), "x");
    equal(await files.exists("/tmp/tree/c/it's $HOME \n file"), false);
    await rejects(files.rename("/tmp/tree/moved", "/tmp/tree/a"), { reason: "CWSANDBOX_FILE_IS_DIRECTORY" });
    await rejects(files.remove("/tmp/tree/a"), jetway.SandboxFileError);
    await files.remove("/tmp/tree", { recursive: true });
    await files.remove("/tmp/tree", { missingOk: true });
    for (const act of [() => files.remove("/tmp/tree"), () => files.stat("/tmp/tree"), () => files.list("/tmp/tree"), () => files.rename("/tmp/tree", "/tmp/x")]) {
      const error = await rejects(act(), jetway.SandboxFileError);
      equal(error.reason, "CWSANDBOX_FILE_NOT_FOUND");
      equal(error.metadata.filepath, "/tmp/tree");
    }
    await rejects(files.list("/etc/passwd"), { reason: "CWSANDBOX_FILE_NOT_A_DIRECTORY" });
    await rejects(files.mkdir("relative"), jetway.ValidationError);
    await rejects(files.list("/tmp", { depht: 1 }), TypeError);
    deepEqual((await sandbox.listFiles("/tmp/files")).length > 0, true);
  },

  "what changes is told from the moment that the watch is there": async ({ sandbox, jetway }) => {
    await sandbox.files.mkdir("/tmp/watched/deep");
    const watcher = await sandbox.files.watch("/tmp/watched", { recursive: true });
    const seen = [];
    const wanted = ["create /tmp/watched/a", "create /tmp/watched/deep/b", "remove /tmp/watched/a"];
    const watching = (async () => {
      for await (const { type, path } of watcher) {
        seen.push(`${type} ${path}`);
        if (wanted.every((it) => seen.includes(it))) break;
      }
    })();
    await sandbox.exec(["sh", "-c", "echo 1 > /tmp/watched/a; echo 2 > /tmp/watched/deep/b"]);
    await sandbox.files.remove("/tmp/watched/a");
    await watching;
    await rejects(sandbox.files.watch("/tmp/not/there"), { reason: "CWSANDBOX_FILE_NOT_FOUND" });
    await rejects(sandbox.files.watch(7), TypeError);
    ok(jetway.SandboxFileError);
  },

  "a directory of files goes in and comes out as it was": async ({ sandbox }) => {
    const long = `${"long/".repeat(30)}name-${"x".repeat(90)}`;
    const big = new Uint8Array(700_000).map((_, at) => at % 251);
    const source = { "a.txt": "grün", "sub/big.bin": big, [long]: "far", "skip/me.log": "no", "keep.log": "yes", "empty": "" };
    const told = [];
    const went = await sandbox.files.upload(source, "/tmp/up", { ignore: ["*.log", "!keep.log"], onProgress: (it) => told.push(it) });
    deepEqual(went, { files: 5, bytes: 700_000 + 5 + 3 + 3 });
    equal(told.at(-1).totalBytes, went.bytes);
    ok(told.some(({ bytes }) => bytes > 0 && bytes < went.bytes), "progress is told on the way");
    equal(await sandbox.files.exists("/tmp/up/skip/me.log"), false);
    const back = {};
    for await (const { path, type, data } of sandbox.files.download("/tmp/up", { ignore: ["empty"] })) {
      if (type !== "file") continue;
      const chunks = [];
      for await (const chunk of data) chunks.push(chunk.slice());
      back[path] = new Uint8Array(await new Blob(chunks).arrayBuffer());
    }
    deepEqual(Object.keys(back).sort(), ["a.txt", "keep.log", long, "sub/big.bin"].sort());
    equal(back["sub/big.bin"].length, big.length);
    ok(back["sub/big.bin"].every((byte, at) => byte === big[at]), "the bytes changed");
    await rejects(async () => { for await (const _ of sandbox.files.download("/tmp/nothing")); }, { reason: "CWSANDBOX_FILE_NOT_FOUND" });
    await rejects(sandbox.files.upload({ "../out": "x" }, "/tmp/up"), TypeError);
  },

  "a file that is not there is a file error that names it": async ({ sandbox, jetway }) => {
    const error = await rejects(sandbox.readFile("/tmp/files/missing"), jetway.SandboxFileError);
    equal(error.code, "file_error");
    equal(error.reason, "CWSANDBOX_FILE_NOT_FOUND");
    equal(error.metadata.filepath, "/tmp/files/missing");
    equal(error.filepath, "/tmp/files/missing");
    equal(error.operation, "ReadFile");
    equal(error.sandboxId, sandbox.sandboxId);
    await rejects(sandbox.readFile("/tmp"), jetway.SandboxFileError);
  },

  "paths that no file can have are refused by name": async ({ sandbox, jetway }) => {
    for (const path of ["relative.txt", "", "/tmp/a\0b"]) {
      const error = await rejects(sandbox.writeFile(path, "x"), jetway.ValidationError);
      equal(error.fieldViolations[0].field, "path", JSON.stringify(path));
      await rejects(sandbox.readFile(path), jetway.ValidationError);
    }
    await rejects(sandbox.readFile(7), TypeError);
    await rejects(sandbox.readFile("/tmp/files/bytes", { encoding: "latin1" }), { code: "validation_error" });
  },
};
