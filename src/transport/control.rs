//! The control lane in wasm: tonic's generated clients over fetch or Node's http2, with typed failures.
//! Deadlines are the caller's timers; dropping a call or its body aborts the fetch.
//! Must not know: credentials, what the messages mean, the payload lane.

use std::task::{Context, Poll};

use http_body_util::BodyExt;
use tonic::body::Body;
use tonic_web_wasm_client::Error as FetchError;
use tower_service::Service;
use wasm_bindgen::JsValue;

use super::{
    BaseUrl, node_http2,
    pipe::{JsHttp2, Thrown, explain_fetch},
    pipes::Pipes,
};
use crate::{
    error::{Diagnosis, Error, ErrorKind},
    platform::BoxFuture,
};

/// A server. Cheap to clone; nothing is connected before the first call.
#[derive(Clone)]
pub(crate) struct Transport {
    base: BaseUrl,
    /// gRPC-web by the host's fetch.
    fetch: tonic_web_wasm_client::Client,
    pipes: Pipes,
}

impl Transport {
    /// Prepares a transport.
    ///
    /// # Errors
    /// None here; the native transport shares the signature.
    pub(crate) fn new(base: &BaseUrl) -> Result<Self, Error> {
        let fetch = tonic_web_wasm_client::Client::new(base.as_url());
        Ok(Self { base: base.clone(), fetch, pipes: Pipes::new() })
    }

    /// Where calls go.
    pub(crate) fn base_url(&self) -> &BaseUrl {
        &self.base
    }

    /// Nothing to forget: here every terminal has a connection of its own, or the host's pool.
    pub(crate) fn forget_interactive(&self) {}

    /// Takes what the host offers beside fetch: see [`Pipes::configure`].
    ///
    /// # Errors
    /// Validation, naming `transport`.
    pub(crate) fn use_host(&self, host: &JsValue) -> Result<(), Error> {
        self.pipes.configure(host)
    }

    pub(super) fn pipes(&self) -> &Pipes {
        &self.pipes
    }

    async fn over_fetch(&mut self, request: http::Request<Body>) -> Result<http::Response<Body>, Error> {
        let response = match self.fetch.call(request).await {
            Ok(response) => response,
            // A browser's fetch says nothing; what it hides can be asked for.
            Err(error @ FetchError::JsError(_)) => {
                let explained = explain_fetch(&self.base.as_url()).await;
                return Err(Error::from(Thrown::from(explained)).with_source(error));
            }
            Err(error) => return Err(failure(error)),
        };
        let headers = response.headers();
        let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let grpc_status = headers.contains_key("grpc-status");
        Error::check_response_head(response.status().as_u16(), content_type, grpc_status)?;
        Ok(response.map(|body| Body::new(body.map_err(failure))))
    }

    async fn over_http2(
        &mut self,
        http2: &JsHttp2,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, Error> {
        let (parts, body) = request.into_parts();
        let unreadable = |status| Error::new(ErrorKind::Other, "the request could not be encoded").with_source(status);
        let body = body.collect().await.map_err(unreadable)?.to_bytes();
        let url = format!("{}{}", self.base.as_url(), parts.uri.path());
        match node_http2::call(http2, &url, &parts.headers, &body).await {
            Ok(response) => response,
            // Nothing was sent: the server greeted in another language, which fetch may speak.
            Err(Thrown::NoHttp2) if !self.pipes.has_only_http2() => {
                self.pipes.refuse_http2();
                self.over_fetch(http::Request::from_parts(parts, Body::new(http_body_util::Full::new(body)))).await
            }
            Err(thrown) => Err(thrown.into()),
        }
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
        let mut this = self.clone();
        Box::pin(async move {
            match this.pipes.http2() {
                Some(http2) => this.over_http2(&http2, request).await,
                None => this.over_fetch(request).await,
            }
        })
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
