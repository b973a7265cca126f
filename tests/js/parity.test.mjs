// docs/parity.md is whole, true and up to date.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { IDS } from "../parity/ids.mjs";
import { ROWS } from "../parity/rows.mjs";
import { PAGE, mistakes, page } from "../parity/table.mjs";

test("every id of the checklist has its row, and every test that a row names exists", async () => {
  assert.deepEqual(await mistakes(), []);
});

test("a missing row, a test that does not exist and a row without one are found", async () => {
  const [first] = ROWS;
  assert.deepEqual(await mistakes(ROWS.slice(1)), [`${first.id}: must have exactly one row`]);
  const rows = [
    { id: "P1", what: "", proof: ["suite/exec::no such test"] },
    { id: "P2", what: "", proof: ["suite/nothing::x"] },
    { id: "P3", what: "" },
    { id: "P4", what: "", where: ["no/such/file.js"], later: "x" },
    { id: "Z1", what: "", never: "x" },
    { id: "P5", what: "", later: "x", never: "y" },
  ];
  assert.deepEqual(await mistakes(rows, ["P1", "P2", "P3", "P4", "P5"]), [
    'P1: tests/js/suite/exec.mjs has no test "no such test"',
    "P2: there is no tests/js/suite/nothing.mjs",
    "P3: names no test",
    "P4: there is no no/such/file.js",
    "Z1: is not in the checklist",
    "P5: is either for later or never",
  ]);
});

test("docs/parity.md is what the rows say: node tests/parity/table.mjs writes it", async () => {
  assert.equal(await readFile(PAGE, "utf8"), page());
});

test("the rows are in the checklist's order", () => {
  assert.deepEqual(ROWS.map(({ id }) => id), IDS);
});
