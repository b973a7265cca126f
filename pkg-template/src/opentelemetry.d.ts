// Traces of this package's calls, for programs that have `@opentelemetry/api`.
import type { Attributes, Context, Tracer } from "@opentelemetry/api";
import type { Interceptor } from "./index.js";

export interface OpenTelemetryOptions {
  /** Makes the spans. Default: the global provider's, by the name `jetway`. */
  tracer?: Tracer | undefined;
  /** Added to every span. */
  attributes?: Attributes | undefined;
  /** Whether the server gets the trace's headers (`traceparent`, `tracestate`). Default: true. */
  propagate?: boolean | undefined;
  /** What spans are children of. Default: what is active where the call is sent. */
  parent?: (() => Context) | undefined;
}

/**
 * An interceptor for `new Client({ interceptors: [openTelemetry()] })`: a client span per attempt, named after the rpc,
 * with `rpc.system`, `rpc.method`, `rpc.grpc.status_code`, `jetway.sandbox.id` and, from the second attempt on,
 * `jetway.attempt`. A stream's span ends when the stream is open.
 */
export function openTelemetry(options?: OpenTelemetryOptions): Interceptor;
