//! The Cloud Sandbox REST routes, as its SDK and its own tests know them, over the same services as gRPC. What the
//! original answers in plain text is JSON here: `{"error", "message"}`.

mod answer;
mod files;
mod pool;
mod rate;
mod run;
mod sessions;
mod token;

use std::net::SocketAddr;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;

pub(crate) use rate::RateLimit;

use super::{Setup, access::Denied};
use crate::service::{MAX_MESSAGE, Problem};
use answer::{Failure, Reply, ok};

/// Who is at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

const ROOT: &str = "/api/v1/";

/// Whether a path is one of these routes'.
pub(super) fn has(path: &str) -> bool {
    path == "/health" || path.starts_with(ROOT)
}

/// Answers a request to one of these routes.
pub(super) async fn answer(setup: &Setup, request: Request<Body>) -> Response<Body> {
    if request.method() == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return response;
    }
    route(setup, request).await.unwrap_or_else(Failure::into_response)
}

async fn route(setup: &Setup, request: Request<Body>) -> Reply {
    let path = request.uri().path().to_owned();
    if path == "/health" {
        return ok(&json!({ "status": "ok", "service": "gateway" }));
    }
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| address.ip());
    setup.rate.check(peer).map_err(Failure::too_many)?;
    let call = Call::read(request).await?;
    let parts: Vec<&str> = call.path.trim_start_matches(ROOT).split('/').collect();
    if parts == ["auth", "token"] {
        let caller = setup.access.minter(&call.headers).map_err(Failure::denied)?;
        return token::answer(&setup.api.called_by(caller), &call);
    }
    let caller = setup.access.caller(&call.headers).map_err(Failure::denied)?;
    let scope = caller.scope();
    if !scope.methods.is_empty() {
        return Err(Failure::from(Problem::new(
            tonic::Code::PermissionDenied,
            "CWSANDBOX_OUT_OF_SCOPE",
            "this token is good for certain rpcs only, and these routes are none",
        )));
    }
    let api = setup.api.called_by(caller);
    match parts.as_slice() {
        ["sessions", rest @ ..] => sessions::answer(&api, &call, rest).await,
        ["sandbox", action] => pool::answer(&api, &call, action).await,
        ["execute"] => run::answer(&api, &call).await,
        ["files"] => files::answer(&api, &call).await,
        ["files", "content"] => files::content(&api, &call).await,
        _ => Err(Failure::no_such_path(&call.path)),
    }
}

/// A request, read.
struct Call {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: http::HeaderMap,
    body: bytes::Bytes,
}

impl Call {
    async fn read(request: Request<Body>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_MESSAGE).await.map_err(|_| {
            Failure::invalid(format!("the body could not be read; it may have at most {MAX_MESSAGE} bytes"))
        })?;
        let query = parts.uri.query().unwrap_or_default();
        let query = serde_urlencoded::from_str(query).map_err(|error| Failure::invalid(format!("query: {error}")))?;
        Ok(Self { method: parts.method, path: parts.uri.path().to_owned(), query, headers: parts.headers, body })
    }

    /// The body as JSON; an absent one is an empty object.
    fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| Failure::invalid(format!("the body is not as expected: {error}")))
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn needed(&self, name: &str) -> Result<&str, Failure> {
        let given = self.query(name).filter(|value| !value.is_empty());
        given.ok_or_else(|| Failure::invalid(format!("{name}: give it as a query parameter")))
    }

    fn not_allowed(&self) -> Failure {
        Failure::method_not_allowed(&self.method, &self.path)
    }
}

/// What everything that has nothing to say answers.
fn success() -> Reply {
    ok(&json!({ "success": true }))
}
