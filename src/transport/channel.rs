//! The native transport: one lazily connected HTTP/2 channel, h2c or TLS, with typed failures.
//! Must not know: credentials, what the messages mean.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::BodyExt;
use tonic::{
    body::Body,
    transport::{Channel, ClientTlsConfig, Endpoint},
};
use tower_service::Service;

use super::{
    BaseUrl,
    head::{INTERACTIVE_WINDOW, Interactive},
    probe,
};
use crate::{
    error::{Diagnosis, Error, ErrorKind},
    platform::BoxFuture,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A dead peer is noticed by TCP.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(20);
/// HTTP/2 pings are for proxies in between. Common servers hang up on who pings more often than every five minutes.
const PING_INTERVAL: Duration = Duration::from_secs(310);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Large enough that one stream fills a fast link; flow control still bounds memory.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// A server's channel. Cheap to clone; connects at the first call and again whenever it has to.
#[derive(Clone)]
pub(crate) struct Transport {
    endpoint: Endpoint,
    prefix: Arc<str>,
    tls: bool,
    /// Belongs to the tokio runtime of the first call.
    channel: Arc<OnceLock<Channel>>,
    /// Another, on which little is under way at a time: for terminals.
    interactive: Arc<Mutex<Option<Channel>>>,
    answered: Arc<AtomicBool>,
}

impl Transport {
    /// Prepares a channel; nothing is connected yet.
    ///
    /// # Errors
    /// Configuration, when TLS cannot be set up.
    pub(crate) fn new(base: &BaseUrl) -> Result<Self, Error> {
        let setup = |error: tonic::transport::Error| {
            Error::new(ErrorKind::Configuration, format!("cannot prepare a connection to {}", base.origin()))
                .with_source(error)
        };
        let mut endpoint = Endpoint::from_shared(base.origin().to_owned())
            .map_err(setup)?
            .user_agent(concat!("jetway/", env!("CARGO_PKG_VERSION")))
            .map_err(setup)?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_keepalive(Some(TCP_KEEP_ALIVE))
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        if base.origin().starts_with("https:") {
            endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(setup)?;
        }
        Ok(Self {
            endpoint,
            prefix: base.prefix().into(),
            tls: base.origin().starts_with("https:"),
            channel: Arc::default(),
            interactive: Arc::default(),
            answered: Arc::default(),
        })
    }

    /// Talks over `channel` from the first call on.
    #[cfg(test)]
    pub(crate) fn use_channel(&self, channel: Channel) {
        assert!(self.channel.set(channel).is_ok(), "it talks over another already");
        // There is no network to look closer at.
        self.answered.store(true, Ordering::Relaxed);
    }

    /// The next interactive call connects anew. Those under way keep their connection.
    pub(crate) fn forget_interactive(&self) {
        *self.interactive.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Looks closer at a failure before anything was ever answered: the name may be wrong, or the server none of ours.
    async fn explained(&self, error: Error) -> Error {
        if self.answered.load(Ordering::Relaxed) {
            return error;
        }
        let closer = match error.diagnosis() {
            Some(Diagnosis::ConnectionLost | Diagnosis::NotGrpc) => probe::http1(self.endpoint.uri()).await,
            Some(Diagnosis::Unreachable) => probe::name(self.endpoint.uri()).await,
            _ => Ok(()),
        };
        match closer {
            Ok(()) => error,
            Err(explained) => explained.with_source(error),
        }
    }

    fn channel(&self, interactive: bool) -> Result<Channel, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            let error = Error::new(ErrorKind::Configuration, "calls need a tokio runtime and there is none here");
            return Err(error.with_hint("Await the call inside a tokio runtime with time and I/O enabled"));
        }
        if interactive {
            let small = || self.endpoint.clone().initial_stream_window_size(INTERACTIVE_WINDOW).connect_lazy();
            let mut interactive = self.interactive.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(interactive.get_or_insert_with(small).clone());
        }
        Ok(self.channel.get_or_init(|| self.endpoint.connect_lazy()).clone())
    }
}

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let interactive = request.extensions().get::<Interactive>().is_some();
            let mut channel = this.channel(interactive)?;
            if !this.prefix.is_empty() {
                add_prefix(&mut request, &this.prefix)?;
            }
            let answer = match poll_fn(|cx| channel.poll_ready(cx)).await {
                Ok(()) => channel.call(request).await,
                Err(error) => Err(error),
            };
            let response = match answer.map_err(|error| failure(error, this.tls)) {
                Ok(response) => response,
                Err(error) => return Err(this.explained(error).await),
            };
            this.answered.store(true, Ordering::Relaxed);
            let headers = response.headers();
            let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let grpc_status = headers.contains_key("grpc-status");
            Error::check_response_head(response.status().as_u16(), content_type, grpc_status)?;
            Ok(response.map(|body| Body::new(body.map_err(lost))))
        })
    }
}

fn add_prefix(request: &mut http::Request<Body>, prefix: &str) -> Result<(), Error> {
    let path = format!("{prefix}{}", request.uri().path());
    let uri = path.parse().map_err(|_| Error::invalid("baseUrl", format!("cannot be put before {path}")))?;
    *request.uri_mut() = uri;
    Ok(())
}

/// A body that broke off. Statuses pass as they are: they came from the server.
fn lost(status: tonic::Status) -> tonic::Status {
    match std::error::Error::source(&status) {
        Some(cause) if find::<h2::Error>(cause).is_some() => {
            Error::network(Diagnosis::ConnectionLost, "the connection broke during the answer")
                .with_source(status)
                .into_status()
        }
        _ => status,
    }
}

/// What kept a request from being answered, by the types in its chain of causes.
fn failure(error: tonic::transport::Error, tls: bool) -> Error {
    let typed = if let Some(io) = find::<std::io::Error>(&error) {
        match io.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                Error::network(Diagnosis::Refused, "the server refused the connection")
            }
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof if tls => {
                Error::network(Diagnosis::Tls, "the TLS handshake failed")
            }
            std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::HostUnreachable => {
                Error::network(Diagnosis::Offline, "there is no route to the server")
            }
            std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::UnexpectedEof => {
                Error::network(Diagnosis::ConnectionLost, "the server closed the connection")
            }
            _ => Error::network(Diagnosis::Unreachable, format!("the server cannot be reached: {io}")),
        }
    } else if let Some(h2) = find::<h2::Error>(&error) {
        // A fault that this side found in the frames: they are none.
        match h2.is_library() {
            true => Error::network(Diagnosis::NotGrpc, "the server does not speak HTTP/2"),
            false => Error::network(Diagnosis::ConnectionLost, "the server closed the connection"),
        }
    } else if find::<tonic::TimeoutExpired>(&error).is_some() {
        Error::new(ErrorKind::SandboxRequestTimeout, "the call did not finish within its deadline")
            .with_grpc_code(tonic::Code::DeadlineExceeded)
    } else {
        Error::network(Diagnosis::ConnectionLost, format!("the connection was lost: {}", root(&error)))
    };
    typed.with_source(error)
}

/// The innermost cause, for people.
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

fn find<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        next = current.source();
    }
    None
}
