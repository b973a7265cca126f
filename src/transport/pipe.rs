//! The host's own ways to carry bytes, seen from Rust: fetch, WebSocket, Node's http2. The JavaScript side
//! (`fetch.js`, `websocket.js`, `http2.js` of the npm package) answers all of them with one shape, [`JsCall`].
//! Must not know: what the bytes mean, when to use which.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use crate::error::{Diagnosis, Error, ErrorKind};

#[wasm_bindgen(raw_module = "./fetch.js")]
extern "C" {
    #[wasm_bindgen(js_name = openFetch, catch)]
    async fn open_fetch(request: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = probeDuplex, catch)]
    async fn js_probe_duplex(request: &JsValue) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen(raw_module = "./failure.js")]
extern "C" {
    #[wasm_bindgen(js_name = explainFetch)]
    async fn js_explain_fetch(url: &str) -> JsValue;
}

/// What kept a fetch of `url` from being answered, as a pipe would throw it.
pub(super) async fn explain_fetch(url: &str) -> JsValue {
    js_explain_fetch(url).await
}

#[wasm_bindgen(raw_module = "./websocket.js")]
extern "C" {
    #[wasm_bindgen(js_name = openWebSocket, catch)]
    fn js_open_web_socket(request: &JsValue) -> Result<Promise, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// An open call, whatever carries it.
    #[derive(Clone)]
    pub(crate) type JsCall;
    /// HTTP status; 0 where the headers come in the stream.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn status(this: &JsCall) -> u16;
    #[wasm_bindgen(method)]
    pub(crate) fn header(this: &JsCall, name: &str) -> Option<String>;
    /// The first chunk, without taking it; only where the headers come in the stream.
    #[wasm_bindgen(method)]
    pub(crate) fn first(this: &JsCall) -> Option<Uint8Array>;
    /// Begins to count: `room` payload bytes may be sent, those already sent included, until the server grants more.
    #[wasm_bindgen(method)]
    pub(crate) fn count(this: &JsCall, room: u32);
    #[wasm_bindgen(method, getter)]
    pub(crate) fn reader(this: &JsCall) -> JsReader;
    /// Pairs of HTTP trailers after the end; undefined where they come in the stream.
    #[wasm_bindgen(method)]
    pub(crate) fn trailers(this: &JsCall) -> JsValue;
    /// A promise when the peer is slower than we are.
    #[wasm_bindgen(method)]
    pub(crate) fn send(this: &JsCall, bytes: Uint8Array) -> JsValue;
    #[wasm_bindgen(method, js_name = closeSend)]
    pub(crate) fn close_send(this: &JsCall);

    /// Chunks of the answer.
    #[derive(Clone)]
    pub(crate) type JsReader;
    #[wasm_bindgen(method)]
    fn read(this: &JsReader) -> JsValue;

    type ReadResult;
    #[wasm_bindgen(method, getter)]
    fn done(this: &ReadResult) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> Uint8Array;

    /// What `createHttp2()` made.
    #[derive(Clone)]
    pub(crate) type JsHttp2;
    #[wasm_bindgen(method, js_name = open, catch)]
    async fn open(this: &JsHttp2, request: &JsValue) -> Result<JsValue, JsValue>;

    type JsFailure;
    #[wasm_bindgen(method, getter)]
    fn diagnosis(this: &JsFailure) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn message(this: &JsFailure) -> Option<String>;
}

/// A request in the pipes' terms.
pub(crate) struct PipeRequest<'a> {
    /// Absolute.
    pub url: &'a str,
    /// Everything that the protocol and the caller want sent.
    pub headers: &'a [(String, String)],
    /// The body (`Uint8Array`s and `Blob`s), or its beginning when `duplex`.
    pub parts: &'a Array,
    /// Whether more follows.
    pub duplex: bool,
    /// Whether little is to be under way: somebody types at the other end.
    pub interactive: bool,
    /// Ends the call.
    pub signal: &'a AbortSignal,
}

impl PipeRequest<'_> {
    fn to_js(&self, fetch: Option<&Function>) -> Object {
        let headers: Array = self
            .headers
            .iter()
            .map(|(name, value)| Array::of2(&JsValue::from_str(name), &JsValue::from_str(value)))
            .collect();
        let request = object(&[
            ("url", JsValue::from_str(self.url)),
            ("headers", headers.into()),
            ("parts", self.parts.clone().into()),
            ("duplex", JsValue::from_bool(self.duplex)),
            ("interactive", JsValue::from_bool(self.interactive)),
            ("signal", self.signal.clone().into()),
        ]);
        if let Some(fetch) = fetch {
            set(&request, "fetch", fetch);
        }
        request
    }

    pub(crate) async fn over_fetch(&self, fetch: Option<&Function>) -> Result<JsCall, Thrown> {
        Ok(open_fetch(&self.to_js(fetch)).await.map_err(Thrown::from)?.unchecked_into())
    }

    pub(crate) async fn over_http2(&self, http2: &JsHttp2) -> Result<JsCall, Thrown> {
        Ok(http2.open(&self.to_js(None)).await.map_err(Thrown::from)?.unchecked_into())
    }

    pub(crate) async fn probe_duplex(&self, fetch: Option<&Function>) -> bool {
        js_probe_duplex(&self.to_js(fetch)).await.is_ok_and(|answer| answer.is_truthy())
    }
}

/// Opens a WebSocket and sends `messages`.
pub(crate) async fn open_web_socket(
    url: &str,
    protocol: &str,
    messages: &Array,
    keepalive: &[u8],
    window: u32,
    signal: &AbortSignal,
    constructor: Option<&Function>,
) -> Result<JsCall, Thrown> {
    let request = object(&[
        ("url", JsValue::from_str(url)),
        ("protocol", JsValue::from_str(protocol)),
        ("messages", messages.clone().into()),
        ("keepalive", Uint8Array::from(keepalive).into()),
        ("window", window.into()),
        ("signal", signal.clone().into()),
    ]);
    if let Some(constructor) = constructor {
        set(&request, "WebSocket", constructor);
    }
    let opening = js_open_web_socket(&request).map_err(Thrown::from)?;
    Ok(JsFuture::from(opening).await.map_err(Thrown::from)?.unchecked_into())
}

impl JsReader {
    /// The next chunk; `None` at the end. A pipe that has one at hand answers without a promise.
    pub(crate) async fn chunk(&self) -> Result<Option<Uint8Array>, Thrown> {
        let answer = self.read();
        let answer = match answer.dyn_into::<Promise>() {
            Ok(promise) => JsFuture::from(promise).await.map_err(Thrown::from)?,
            Err(value) => value,
        };
        let result: ReadResult = answer.unchecked_into();
        Ok((!result.done()).then(|| result.value()))
    }
}

/// What a pipe threw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thrown {
    /// Our own abort: by the caller or by the deadline.
    Aborted,
    /// The server does not speak HTTP/2: another pipe may do.
    NoHttp2,
    /// No WebSocket here, or the server refused the upgrade: another pipe may do.
    NoWebSocket(String),
    /// Output came faster than it was read, on a pipe that cannot be slowed down.
    Backpressure(String),
    /// The connection failed.
    Failed(Diagnosis, String),
}

impl From<JsValue> for Thrown {
    fn from(thrown: JsValue) -> Self {
        let failure: JsFailure = match thrown.is_object() {
            true => thrown.unchecked_into(),
            false => return Self::Failed(Diagnosis::ConnectionLost, "the connection was closed".to_owned()),
        };
        let message = failure.message().unwrap_or_default();
        let diagnosis = match failure.diagnosis().as_deref() {
            Some("aborted") => return Self::Aborted,
            Some("no_http2") => return Self::NoHttp2,
            Some("no_websocket") => return Self::NoWebSocket(message),
            Some("backpressure") => return Self::Backpressure(message),
            Some("refused") => Diagnosis::Refused,
            Some("dns") => Diagnosis::Dns,
            Some("offline") => Diagnosis::Offline,
            Some("tls") => Diagnosis::Tls,
            Some("cors") => Diagnosis::Cors,
            Some("mixed_content") => Diagnosis::MixedContent,
            Some("not_grpc") => Diagnosis::NotGrpc,
            Some("unreachable") => Diagnosis::Unreachable,
            // Whatever a body reader throws by itself is a connection that broke.
            _ => Diagnosis::ConnectionLost,
        };
        Self::Failed(diagnosis, message)
    }
}

impl From<Thrown> for Error {
    fn from(thrown: Thrown) -> Self {
        match thrown {
            Thrown::Aborted => Self::new(ErrorKind::Cancelled, "the call was aborted"),
            Thrown::NoHttp2 => Self::network(Diagnosis::NotGrpc, "the server does not speak HTTP/2"),
            Thrown::NoWebSocket(message) => Self::network(Diagnosis::Unreachable, message),
            Thrown::Backpressure(message) => Self::new(ErrorKind::StreamBackpressure, message),
            Thrown::Failed(diagnosis, message) => Self::network(diagnosis, message),
        }
    }
}

fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

fn set(object: &Object, name: &str, value: &JsValue) {
    // Setting a field of a plain object of ours cannot fail.
    let _ = Reflect::set(object, &JsValue::from_str(name), value);
}
