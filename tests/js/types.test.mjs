// The type tests of tests/types: what is right compiles, each `@ts-expect-error` is an error.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

test("what is right compiles, and what is wrong does not", { timeout: 120_000 }, async () => {
  const tsc = join(ROOT, "tests/node_modules/.bin/tsc");
  const told = await promisify(execFile)(tsc, ["--noEmit", "--project", join(ROOT, "tests/types/tsconfig.json")]).catch((error) => error);
  assert.equal(told.stdout, "");
  assert.equal(told.code ?? 0, 0, told.stderr);
});
