//! A span for each call, from its arrival to the end of its answer, within the trace that the caller is in. Costs nothing
//! where nobody collects spans. Must not know: what calls do.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::future::{BoxFuture, Either, FutureExt};
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use opentelemetry::{global, propagation::Extractor};
use tonic::{Code, Status, body::Body};
use tower::Service;
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::trace::TRACE_TARGET;

/// A service whose calls have spans.
#[derive(Clone)]
pub(super) struct Traced<S>(S);

impl<S> Traced<S> {
    /// Watches `inner`.
    pub fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let span = span_of(&request);
        let answer = self.0.call(request);
        if span.is_disabled() {
            return Either::Left(answer);
        }
        let answer = answer.instrument(span.clone());
        Either::Right(
            async move {
                let response = answer.await?;
                // An answer without a body has its status among the headers.
                note(&span, response.headers());
                Ok(response.map(|body| Body::new(Watched { body, span })))
            }
            .boxed(),
        )
    }
}

/// Named as OpenTelemetry's conventions for RPCs want it.
fn span_of(request: &Request<Body>) -> Span {
    let path = request.uri().path().trim_start_matches('/');
    let (service, method) = path.rsplit_once('/').unwrap_or(("", path));
    let span = tracing::info_span!(
        target: TRACE_TARGET,
        "rpc",
        otel.name = path,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        jetway.sandbox = Empty,
    );
    if !span.is_disabled() {
        let parent = global::get_text_map_propagator(|known| known.extract(&Headers(request.headers())));
        // Only refused where nobody collects.
        let _ = span.set_parent(parent);
    }
    span
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

fn note(span: &Span, headers: &HeaderMap) {
    let Some(status) = headers.get("grpc-status") else { return };
    let code = Code::from_bytes(status.as_bytes());
    span.record("rpc.grpc.status_code", code as i64);
    // What the caller did wrong is no error of this server.
    let own = [Code::Unknown, Code::DeadlineExceeded, Code::Unimplemented, Code::Internal, Code::Unavailable];
    if own.contains(&code) || code == Code::DataLoss {
        span.record("otel.status_code", "ERROR");
    }
}

/// A body that holds its call's span until it ends.
struct Watched {
    body: Body,
    span: Span,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = {
            let Self { body, span } = &mut *self;
            let _entered = span.enter();
            Pin::new(body).poll_frame(context)
        };
        let frame = ready!(polled);
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            note(&self.span, trailers);
        }
        if frame.is_none() {
            self.span = Span::none();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
