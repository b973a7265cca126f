// Errors are classes with a stable code, under their own names and those of the older SDKs. Never run.
import { AviatoError, CWSandboxError, JetwayError, SandboxError, SandboxFileError, SandboxNotFoundError, SnapshotNotFoundError, ValidationError } from "jetway";
import type { FieldViolation } from "jetway";
import { type Same, is } from "./is.mjs";

export function right(error: unknown): void {
  if (error instanceof SandboxNotFoundError) {
    const above: SandboxError = error;
    const root: JetwayError = above;
    void root;
    is<Same<typeof error.sandboxId, string | undefined>>();
    is<Same<typeof error.retryable, boolean>>();
    is<Same<typeof error.hint, string | undefined>>();
  }
  if (error instanceof ValidationError) is<Same<typeof error.fieldViolations, readonly FieldViolation[]>>();
  if (error instanceof AviatoError) error.code satisfies string;
  if (error instanceof CWSandboxError) error.metadata["diagnosis"]?.length;
  if (error instanceof SandboxFileError) is<Same<typeof error.filepath, string | undefined>>();
  if (error instanceof SnapshotNotFoundError) error satisfies SandboxError;
}

export function wrong(error: JetwayError): void {
  // @ts-expect-error a code is the class's
  error.code = "other";
  // @ts-expect-error what the server said is not to be changed
  error.metadata["a"] = "b";
  // @ts-expect-error no such field
  error.statusCode;
}
