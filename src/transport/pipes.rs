//! The transport ladder: which pipe carries a call, chosen at run time and remembered.
//! Must not know: frames, what the bytes mean.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::{Array, Function, Reflect, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};

use super::{
    guard::Guard,
    pipe::{JsCall, JsHttp2, PipeRequest, Thrown, open_web_socket},
    websocket,
};
use crate::error::{Error, ErrorKind};

/// A way to carry a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    /// gRPC-web in a fetch whose body is complete.
    Fetch,
    /// gRPC-web in a fetch that sends and receives at the same time.
    Duplex,
    /// `grpc-websockets`.
    WebSocket,
    /// Native gRPC over Node's http2.
    Http2,
}

impl Rung {
    /// How JavaScript spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Duplex => "duplex",
            Self::WebSocket => "websocket",
            Self::Http2 => "http2",
        }
    }

    /// Why it cannot carry a call that goes on sending.
    fn lacks(self) -> &'static str {
        match self {
            Self::Fetch => "sends its body at once",
            Self::Duplex => "fetch is not full duplex here",
            Self::WebSocket => "the server refused it before",
            Self::Http2 => "not here, or not spoken by the server",
        }
    }

    /// Reads a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Fetch, Self::Duplex, Self::WebSocket, Self::Http2].into_iter().find(|rung| rung.name() == name)
    }
}

/// What the host offers, in the order in which it is to be tried, and what was learnt about it. Clones share.
#[derive(Clone)]
pub(crate) struct Pipes(SendWrapper<Rc<Inner>>);

struct Inner {
    host: RefCell<Host>,
    /// Whether fetch is full duplex here, once it was tried.
    duplex: Cell<Option<bool>>,
    /// Rungs that this server does not take.
    refused_http2: Cell<bool>,
    refused_web_socket: Cell<bool>,
}

#[derive(Clone)]
struct Host {
    rungs: Vec<Rung>,
    fetch: Option<Function>,
    web_socket: Option<Function>,
    http2: Option<JsHttp2>,
}

/// An open call and what carries it.
pub(crate) struct Opened {
    pub(crate) call: JsCall,
    pub(crate) rung: Rung,
}

/// A call to be opened: everything that all rungs share.
pub(crate) struct Outgoing<'a> {
    pub(crate) origin_and_prefix: &'a str,
    pub(crate) path: &'a str,
    pub(crate) metadata: &'a [(String, String)],
    /// The framed messages known so far.
    pub(crate) parts: &'a Array,
    pub(crate) keep_open: bool,
    /// Whether little is to be under way at a time.
    pub(crate) interactive: bool,
    pub(crate) guard: &'a Guard,
}

impl Pipes {
    /// What every host has.
    pub(crate) fn new() -> Self {
        let rungs = vec![Rung::Fetch, Rung::WebSocket];
        Self(SendWrapper::new(Rc::new(Inner {
            host: RefCell::new(Host { rungs, fetch: None, web_socket: None, http2: None }),
            duplex: Cell::new(None),
            refused_http2: Cell::new(false),
            refused_web_socket: Cell::new(false),
        })))
    }

    /// Takes what a loader of the npm package says about its runtime: `{ rungs, fetch?, WebSocket?, http2? }`.
    ///
    /// # Errors
    /// Validation, naming `transport`, for a rung that there is not.
    pub(crate) fn configure(&self, host: &JsValue) -> Result<(), Error> {
        let field = |name: &str| Reflect::get(host, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        let mut rungs = Vec::new();
        for name in Array::from(&field("rungs")).iter() {
            let name = name.as_string().unwrap_or_default();
            let unknown =
                || Error::invalid("transport", format!("must be fetch, duplex, websocket or http2, got {name:?}"));
            rungs.push(Rung::parse(&name).ok_or_else(unknown)?);
        }
        let http2 = field("http2");
        *self.0.host.borrow_mut() = Host {
            rungs,
            fetch: field("fetch").dyn_into().ok(),
            web_socket: field("WebSocket").dyn_into().ok(),
            http2: http2.is_object().then(|| http2.unchecked_into()),
        };
        Ok(())
    }

    /// Node's http2, as long as it is to be tried.
    pub(crate) fn http2(&self) -> Option<JsHttp2> {
        let host = self.0.host.borrow();
        let wanted = host.rungs.contains(&Rung::Http2) && !self.0.refused_http2.get();
        host.http2.clone().filter(|_| wanted)
    }

    pub(crate) fn refuse_http2(&self) {
        self.0.refused_http2.set(true);
    }

    /// Whether calls without input may go by fetch.
    pub(crate) fn has_only_http2(&self) -> bool {
        self.0.host.borrow().rungs == [Rung::Http2]
    }

    /// Opens a call on the first rung that carries it.
    ///
    /// # Errors
    /// As the rung says; not supported, when more is to be sent and no rung can.
    pub(crate) async fn open(&self, outgoing: &Outgoing<'_>) -> Result<Opened, Error> {
        let (mut tried, mut refused_web_socket) = (Vec::new(), false);
        let host = self.0.host.borrow().clone();
        for rung in host.rungs.iter().copied() {
            match self.attempt(rung, &host, outgoing).await {
                Ok(Some(call)) => return Ok(Opened { call, rung }),
                Ok(None) => tried.push(format!("{}: {}", rung.name(), rung.lacks())),
                Err(Thrown::NoHttp2) => {
                    self.refuse_http2();
                    tried.push("http2: the server does not speak it".to_owned());
                }
                Err(Thrown::NoWebSocket(why)) => {
                    refused_web_socket = true;
                    tried.push(format!("websocket: {why}"));
                }
                Err(other) => return Err(outgoing.guard.error(other)),
            }
        }
        self.is_anybody_there(&host, outgoing).await?;
        // The server is there and takes no sockets: that stays so.
        self.0.refused_web_socket.set(refused_web_socket || self.0.refused_web_socket.get());
        let what = if outgoing.keep_open { "send input to a running process" } else { "carry the call" };
        let message = format!("no transport can {what} ({})", tried.join("; "));
        let hint = "Use a server that accepts grpc-websockets (`jetway serve`, `jetway proxy`), or run the program \
                    where HTTP is full duplex (Node, Deno, Bun); without input any gRPC-web server will do";
        Err(Error::new(ErrorKind::NotSupported, message).with_hint(hint).in_call(outgoing.guard.context()))
    }

    async fn attempt(&self, rung: Rung, host: &Host, outgoing: &Outgoing<'_>) -> Result<Option<JsCall>, Thrown> {
        let url = format!("{}{}", outgoing.origin_and_prefix, outgoing.path);
        let signal = outgoing.guard.signal();
        let web = || web_headers(outgoing.metadata);
        let request = |headers| PipeRequest {
            url: &url,
            headers,
            parts: outgoing.parts,
            duplex: outgoing.keep_open,
            interactive: outgoing.interactive,
            signal: &signal,
        };
        match rung {
            Rung::Http2 => {
                let Some(http2) = self.http2() else { return Ok(None) };
                request(&grpc_headers(outgoing.metadata)).over_http2(&http2).await.map(Some)
            }
            Rung::Fetch if !outgoing.keep_open => request(&web()).over_fetch(host.fetch.as_ref()).await.map(Some),
            Rung::Duplex if outgoing.keep_open => {
                if !self.is_full_duplex(host, outgoing).await {
                    return Ok(None);
                }
                request(&web()).over_fetch(host.fetch.as_ref()).await.map(Some)
            }
            Rung::WebSocket if outgoing.keep_open && !self.0.refused_web_socket.get() => {
                let window = websocket::window(outgoing.interactive);
                let messages = websocket::opening_messages(&web(), window, outgoing.parts);
                let open = open_web_socket(
                    &url,
                    websocket::SUBPROTOCOL,
                    &messages,
                    &websocket::KEEPALIVE,
                    window,
                    &signal,
                    host.web_socket.as_ref(),
                );
                open.await.map(Some)
            }
            Rung::Fetch | Rung::Duplex | Rung::WebSocket => Ok(None),
        }
    }

    /// Tries it out once, with a call that does nothing.
    async fn is_full_duplex(&self, host: &Host, outgoing: &Outgoing<'_>) -> bool {
        if let Some(known) = self.0.duplex.get() {
            return known;
        }
        let url = format!("{}/jetway.v1.Probe/Duplex", outgoing.origin_and_prefix);
        let signal = outgoing.guard.signal();
        let headers = web_headers(outgoing.metadata);
        let parts = Array::new();
        let probe = PipeRequest {
            url: &url,
            headers: &headers,
            parts: &parts,
            duplex: true,
            interactive: false,
            signal: &signal,
        };
        let answer = probe.probe_duplex(host.fetch.as_ref()).await;
        if !signal.aborted() {
            self.0.duplex.set(Some(answer));
        }
        answer
    }

    /// A refused upgrade says nothing about why: a dead server is not one that lacks a feature.
    async fn is_anybody_there(&self, host: &Host, outgoing: &Outgoing<'_>) -> Result<(), Error> {
        let url = format!("{}/jetway.v1.Probe/Reach", outgoing.origin_and_prefix);
        let signal = outgoing.guard.signal();
        let headers = web_headers(outgoing.metadata);
        let parts = Array::of1(&Uint8Array::from(&[0u8; 5][..]));
        let probe = PipeRequest {
            url: &url,
            headers: &headers,
            parts: &parts,
            duplex: false,
            interactive: false,
            signal: &signal,
        };
        match probe.over_fetch(host.fetch.as_ref()).await {
            Ok(_) => Ok(()),
            Err(thrown) => Err(outgoing.guard.error(thrown)),
        }
    }
}

fn web_headers(metadata: &[(String, String)]) -> Vec<(String, String)> {
    let own = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    with(&own, metadata)
}

fn grpc_headers(metadata: &[(String, String)]) -> Vec<(String, String)> {
    let agent = concat!("jetway/", env!("CARGO_PKG_VERSION"));
    with(&[("content-type", "application/grpc+proto"), ("user-agent", agent)], metadata)
}

fn with(own: &[(&str, &str)], metadata: &[(String, String)]) -> Vec<(String, String)> {
    let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    own.chain(metadata.iter().cloned()).collect()
}
