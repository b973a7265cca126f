// Whole files, both ways.
import { deepEqual, equal, match, ok, rejects } from "./assert.mjs";

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

  "forty mebibytes in one write are refused with their size and a way out": async ({ sandbox, jetway }) => {
    const error = await rejects(sandbox.writeFile("/tmp/files/huge", new Uint8Array(40 * 1024 * 1024)), jetway.SandboxFileError);
    equal(error.reason, "CWSANDBOX_FILE_TOO_LARGE");
    equal(error.metadata.size_bytes, String(40 * 1024 * 1024));
    equal(error.metadata.filepath, "/tmp/files/huge");
    match(error.hint, /exec/);
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
