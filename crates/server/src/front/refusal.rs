//! A request that gets no further than the front, said in the caller's tongue: a gRPC status or JSON.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tonic::{Code, Status};

use crate::service::Problem;

/// Why a request was turned away. The text says what to do.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: Code,
    reason: &'static str,
    text: String,
}

/// How the caller speaks.
pub(crate) enum Tongue {
    /// gRPC, or gRPC-web of this content type.
    Grpc(HeaderValue),
    /// Plain HTTP.
    Http,
}

impl Tongue {
    /// By the request's content type.
    pub fn of(headers: &HeaderMap) -> Self {
        match headers.get(header::CONTENT_TYPE) {
            Some(content_type) if super::is_grpc(headers) => Self::Grpc(content_type.clone()),
            _ => Self::Http,
        }
    }
}

impl Refusal {
    /// Credentials are missing or wrong.
    pub fn unauthenticated(text: impl Into<String>) -> Self {
        Self { code: Code::Unauthenticated, reason: "CWSANDBOX_UNAUTHENTICATED", text: text.into() }
    }

    /// The caller is not welcome, whatever its credentials.
    pub fn forbidden(reason: &'static str, text: impl Into<String>) -> Self {
        Self { code: Code::PermissionDenied, reason, text: text.into() }
    }

    /// The caller's token is for other rpcs.
    pub fn method_out_of_scope(path: &str) -> Self {
        let named = path.trim_start_matches('/');
        let text = format!("this token is not good for {named}; its scope names the rpcs that it is good for");
        Self::forbidden("CWSANDBOX_OUT_OF_SCOPE", text)
    }

    /// Nothing at that path.
    pub fn not_found(path: &str) -> Self {
        Self { code: Code::NotFound, reason: "CWSANDBOX_NO_SUCH_PATH", text: format!("there is nothing at {path}") }
    }

    /// Nothing at an address of the kind that services have.
    pub fn no_service(text: impl Into<String>) -> Self {
        Self { code: Code::NotFound, reason: "CWSANDBOX_SERVICE_NOT_FOUND", text: text.into() }
    }

    /// What stands behind this server does not answer, or not as it should.
    pub fn gateway(status: StatusCode, text: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            StatusCode::GATEWAY_TIMEOUT => Code::DeadlineExceeded,
            _ => Code::Internal,
        };
        Self { code, reason: "CWSANDBOX_SERVICE_UNAVAILABLE", text: text.into() }
    }

    /// The request makes no sense.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self { code: Code::InvalidArgument, reason: "CWSANDBOX_INVALID_REQUEST", text: text.into() }
    }

    /// The answer to give.
    pub fn answer(self, tongue: &Tongue) -> Response<Body> {
        match tongue {
            Tongue::Grpc(content_type) => {
                let status = Status::from(Problem::new(self.code, self.reason, self.text));
                let mut response = status.into_http::<Body>();
                response.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
                response
            }
            Tongue::Http => {
                json(self.http_status(), &serde_json::json!({ "error": self.reason, "message": self.text }))
            }
        }
    }

    fn http_status(&self) -> StatusCode {
        match self.code {
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Code::Internal => StatusCode::BAD_GATEWAY,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A JSON answer that no cache keeps.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Figures for Prometheus.
pub(crate) fn exposition(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
