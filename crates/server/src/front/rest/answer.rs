//! Answers and refusals of the REST routes. One place, so that every refusal is JSON with a word and a sentence.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tonic::Code;

use super::Denied;
use crate::{front::refusal, service::Problem};

/// What a route answers.
pub(super) type Reply = Result<Response<Body>, Failure>;

/// A refusal.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    error: &'static str,
    message: String,
    retry: Option<Duration>,
}

/// An answer with this status.
pub(super) fn with(status: StatusCode, value: &Value) -> Reply {
    Ok(refusal::json(status, value))
}

/// The usual answer.
pub(super) fn ok(value: &Value) -> Reply {
    with(StatusCode::OK, value)
}

impl Failure {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into(), retry: None }
    }

    /// The request makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// Credentials are missing or not good.
    pub fn denied(denied: Denied) -> Self {
        let message = match denied {
            Denied::Missing => "missing or invalid authorization header",
            Denied::Expired => "token expired",
            Denied::Wrong => "invalid token",
        };
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// More requests than are allowed.
    pub fn too_many(wait: Duration) -> Self {
        let mut failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "too many requests");
        failure.retry = Some(wait);
        failure
    }

    /// There is no such route.
    pub fn no_such_path(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {path}"))
    }

    /// The route knows no such method.
    pub fn method_not_allowed(method: &Method, path: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("{path} does not know {method}"))
    }

    /// The same refusal under another status.
    pub fn under(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// As it goes out.
    pub fn into_response(self) -> Response<Body> {
        let mut response = refusal::json(self.status, &json!({ "error": self.error, "message": self.message }));
        if let Some(wait) = self.retry {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let (status, error) = match (problem.code(), problem.reason()) {
            (_, "CWSANDBOX_FILE_TOO_LARGE") => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            (Code::InvalidArgument | Code::OutOfRange, _) => (StatusCode::BAD_REQUEST, "invalid_request"),
            (Code::FailedPrecondition, _) => (StatusCode::BAD_REQUEST, "failed_precondition"),
            (Code::Unauthenticated, _) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            (Code::PermissionDenied, _) => (StatusCode::FORBIDDEN, "forbidden"),
            (Code::NotFound, _) => (StatusCode::NOT_FOUND, "not_found"),
            (Code::AlreadyExists | Code::Aborted, _) => (StatusCode::CONFLICT, "conflict"),
            (Code::ResourceExhausted, _) => (StatusCode::SERVICE_UNAVAILABLE, "pool_exhausted"),
            (Code::Unavailable, _) => (StatusCode::BAD_GATEWAY, "service_unavailable"),
            (Code::DeadlineExceeded, _) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            (Code::Unimplemented, _) => (StatusCode::NOT_IMPLEMENTED, "not_implemented"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        };
        let mut failure = Self::new(status, error, problem.message());
        failure.retry = problem.retry();
        failure
    }
}
