// A panic of the core reaches everybody who waits for it: its own promises never settle.
import assert from "node:assert/strict";
import { test } from "node:test";

import { JetwayError } from "../../pkg-template/src/errors.js";
import { guarded, onPanic, panicked } from "../../pkg-template/src/panic.js";

test("what is pending rejects, and what comes later too", async () => {
  assert.equal(await guarded(Promise.resolve(7)), 7);
  await assert.rejects(guarded(Promise.reject(new TypeError("own"))), TypeError);
  const pending = guarded(new Promise(() => {}));
  let told;
  const forget = onPanic((error) => (told = error));
  const forgotten = onPanic(() => assert.fail("nobody waits here any more"));
  forgotten();
  panicked("index out of bounds");
  await assert.rejects(pending, (error) => error instanceof JetwayError && /index out of bounds/.test(error.message) && /report/.test(error.hint));
  assert.ok(told instanceof JetwayError);
  forget();
  await assert.rejects(guarded(Promise.resolve(1)), JetwayError);
});
