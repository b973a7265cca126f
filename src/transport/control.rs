//! The control lane in wasm: tonic's generated clients over fetch, with typed failures.
//! Deadlines are the caller's timers; dropping a call or its body aborts the fetch.
//! Must not know: credentials, what the messages mean, the payload lane.

use std::task::{Context, Poll};

use http_body_util::BodyExt;
use tonic::body::Body;
use tonic_web_wasm_client::Error as FetchError;
use tower_service::Service;

use super::BaseUrl;
use crate::{
    error::{Diagnosis, Error},
    platform::BoxFuture,
};

/// A server. Cheap to clone; nothing is connected before the first call.
#[derive(Clone)]
pub(crate) struct Transport {
    base: BaseUrl,
    pipe: Pipe,
}

/// What carries control calls. A further pipe is one arm here and one in [`Service::call`].
#[derive(Clone)]
enum Pipe {
    /// gRPC-web by the host's fetch.
    Fetch(tonic_web_wasm_client::Client),
}

impl Transport {
    /// Prepares a transport over fetch.
    ///
    /// # Errors
    /// None here; the native transport shares the signature.
    pub(crate) fn new(base: &BaseUrl) -> Result<Self, Error> {
        Ok(Self { base: base.clone(), pipe: Pipe::Fetch(tonic_web_wasm_client::Client::new(base.as_url())) })
    }

    /// Where calls go.
    pub(crate) fn base_url(&self) -> &BaseUrl {
        &self.base
    }
}

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match &mut self.pipe {
            Pipe::Fetch(client) => {
                let response = client.call(request);
                Box::pin(async move {
                    let response = response.await.map_err(failure)?;
                    let headers = response.headers();
                    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                    let grpc_status = headers.contains_key("grpc-status");
                    Error::check_response_head(response.status().as_u16(), content_type, grpc_status)?;
                    Ok(response.map(|body| Body::new(body.map_err(failure))))
                })
            }
        }
    }
}

fn failure(error: FetchError) -> Error {
    let typed = match &error {
        FetchError::JsError(text) => Error::network(Diagnosis::Unreachable, format!("the host's fetch failed: {text}")),
        FetchError::InvalidContentType(served) => {
            Error::network(Diagnosis::NotGrpc, format!("the server answered with {served} instead of gRPC-web"))
        }
        FetchError::MissingContentTypeHeader => {
            Error::network(Diagnosis::NotGrpc, "the server answered without a content type instead of with gRPC-web")
        }
        FetchError::MalformedResponse | FetchError::MissingResponseBody => {
            Error::network(Diagnosis::ConnectionLost, "the answer ended before its trailers")
        }
        _ => Error::network(Diagnosis::NotGrpc, format!("the answer is not gRPC-web: {error}")),
    };
    typed.with_source(error)
}
