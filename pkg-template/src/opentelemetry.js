// A span per attempt of a call, by an interceptor; the other end gets the trace's headers.

import { SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";

const NAME = "jetway";
/** By gRPC's number, for those who filter spans by them. */
const STATUS = "rpc.grpc.status_code";

/** An interceptor that makes a span of every attempt. */
export function openTelemetry({ tracer = trace.getTracer(NAME), attributes, propagate = true, parent } = {}) {
  return (call) => {
    const within = parent?.() ?? context.active();
    const span = tracer.startSpan(
      call.operation,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          "rpc.system": "grpc",
          "rpc.method": call.operation,
          ...(call.sandboxId === undefined ? {} : { "jetway.sandbox.id": call.sandboxId }),
          ...(call.attempt > 1 ? { "jetway.attempt": call.attempt } : {}),
          ...attributes,
        },
      },
      within,
    );
    if (propagate) propagation.inject(trace.setSpan(within, span), call.headers);
    return (error) => {
      span.setAttribute(STATUS, error?.grpcCode ?? (error ? 2 : 0));
      if (error) {
        span.recordException(error);
        span.setAttribute("error.type", error.code);
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      }
      span.end();
    };
  };
}
