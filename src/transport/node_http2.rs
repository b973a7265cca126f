//! Control calls over Node's http2: native gRPC, real trailers, one session for everything.
//! Must not know: credentials, what the messages mean.

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use js_sys::{Array, Uint8Array};
use send_wrapper::SendWrapper;
use tonic::body::Body;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortController;

use super::pipe::{JsCall, JsHttp2, PipeRequest, Thrown};
use crate::error::{Diagnosis, Error, ErrorKind};

/// Aborts what it belongs to when that is dropped.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Calls `url` with a complete body. `Err(Thrown::NoHttp2)` means that nothing was sent.
pub(super) async fn call(
    http2: &JsHttp2,
    url: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Result<Response<Body>, Error>, Thrown> {
    let Ok(controller) = AbortController::new() else {
        return Ok(Err(Error::new(ErrorKind::Configuration, "this host has no AbortController")));
    };
    let guard = AbortOnDrop(controller);
    let headers: Vec<_> = pairs(headers).collect();
    let parts = Array::of1(&Uint8Array::from(body));
    let signal = guard.0.signal();
    let request =
        PipeRequest { url, headers: &headers, parts: &parts, duplex: false, interactive: false, signal: &signal };
    let call = request.over_http2(http2).await?;
    Ok(response(call, guard))
}

fn response(call: JsCall, guard: AbortOnDrop) -> Result<Response<Body>, Error> {
    let content_type = call.header("content-type");
    let grpc_status = call.header("grpc-status");
    Error::check_response_head(call.status(), content_type.as_deref(), grpc_status.is_some())?;
    let mut builder = Response::builder().status(call.status());
    for name in ["content-type", "grpc-status", "grpc-message", "grpc-status-details-bin", "x-jetway-start"] {
        if let Some(value) = call.header(name) {
            builder = builder.header(name, value);
        }
    }
    let malformed = |error: http::Error| {
        Error::network(Diagnosis::NotGrpc, "the answer has headers that cannot be read").with_source(error)
    };
    builder.body(body(call, guard)).map_err(malformed)
}

enum Step {
    Chunks(JsCall, AbortOnDrop),
    End,
}

fn body(call: JsCall, guard: AbortOnDrop) -> Body {
    let frames = stream::unfold(Step::Chunks(call, guard), |step| async move {
        let Step::Chunks(call, guard) = step else { return None };
        match call.reader().chunk().await {
            Ok(Some(chunk)) => Some((Ok(Frame::data(Bytes::from(chunk.to_vec()))), Step::Chunks(call, guard))),
            Ok(None) => match trailers(&call) {
                Some(trailers) => Some((Ok(Frame::trailers(trailers)), Step::End)),
                None if call.header("grpc-status").is_some() => None,
                None => Some((Err(lost()), Step::End)),
            },
            Err(thrown) => Some((Err(Error::from(thrown)), Step::End)),
        }
    });
    Body::new(StreamBody::new(SendWrapper::new(Box::pin(frames))))
}

/// An answer without a status is not one that ended well.
fn lost() -> Error {
    Error::network(Diagnosis::ConnectionLost, "the answer ended before its trailers")
}

fn trailers(call: &JsCall) -> Option<HeaderMap> {
    let pairs = call.trailers().dyn_into::<Array>().ok()?;
    let mut trailers = HeaderMap::new();
    for pair in pairs.iter() {
        let pair: Array = pair.unchecked_into();
        let text = |index| pair.get(index).as_string();
        let name = text(0).and_then(|name| HeaderName::try_from(name).ok());
        let value = text(1).and_then(|value| HeaderValue::try_from(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            trailers.append(name, value);
        }
    }
    Some(trailers)
}

/// Request headers as text; what is not ASCII could not be sent anyway.
pub(super) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
}

/// Pairs of trailers as the pipes give them.
pub(super) fn trailer_pairs(value: &JsValue) -> Option<Vec<(String, String)>> {
    let pairs = value.dyn_ref::<Array>()?;
    let pair = |pair: JsValue| {
        let pair: Array = pair.unchecked_into();
        Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
    };
    Some(pairs.iter().filter_map(pair).collect())
}
