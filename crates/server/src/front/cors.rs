//! CORS headers, on every answer: a browser must be able to read a refusal to act on it. They decide nothing; whether a
//! page may call is decided by the Origin check, before anything happens.

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};

/// What gateways of this wire let through.
const ALLOW_HEADERS: &str = "authorization, content-type, x-grpc-web, x-user-agent, grpc-timeout, x-wandb-api-key, \
    x-wandb-sdk-version, x-wandb-host, x-entity-id, x-project-name, x-cwsandbox-client-version, x-sandbox-integration, \
    traceparent, tracestate";
const EXPOSE_HEADERS: &str = "grpc-status, grpc-message, grpc-status-details-bin, grpc-encoding, x-jetway-start";
/// Our own request headers are all let through.
const OWN_PREFIX: &str = "x-jetway-";
const PRIVATE_NETWORK: &str = "access-control-request-private-network";

/// Whether this is a browser's question before the real request.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Which request headers pages may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sendable {
    /// Those of this wire, and our own.
    Known,
    /// Whatever a page asks for: the metadata of a service that nobody here knows.
    Any,
}

/// The answer to it.
pub(crate) fn preflight(request: &HeaderMap, sendable: Sendable) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(request, sendable));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    if request.contains_key(PRIVATE_NETWORK) {
        headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    }
    response
}

/// Lets the page of that origin read the answer.
pub(crate) fn allow(response: &mut Response<Body>, origin: Option<&HeaderValue>) {
    let any = HeaderValue::from_static("*");
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.cloned().unwrap_or(any));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSE_HEADERS));
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

/// As [`allow`], with every header of the answer readable: those of a service that nobody here knows.
pub(crate) fn allow_all(response: &mut Response<Body>, origin: Option<&HeaderValue>) {
    let more: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
    let readable = std::iter::once(EXPOSE_HEADERS).chain(more).collect::<Vec<_>>().join(", ");
    allow(response, origin);
    if let Ok(readable) = HeaderValue::from_str(&readable) {
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
}

fn allowed_headers(request: &HeaderMap, sendable: Sendable) -> HeaderValue {
    let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    let asked = asked.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let own = asked.filter(|name| sendable == Sendable::Any || name.starts_with(OWN_PREFIX));
    let all: Vec<_> = std::iter::once(ALLOW_HEADERS).chain(own).collect();
    HeaderValue::from_str(&all.join(", ")).unwrap_or(HeaderValue::from_static(ALLOW_HEADERS))
}
