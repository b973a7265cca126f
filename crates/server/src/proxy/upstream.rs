//! Connections to the gRPC server behind: HTTP/2, in the clear or over TLS, as many as there are calls for.
//! Must not know: callers, scopes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{
    Request, Response, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tonic::{Code, Status, body::Body};

use super::{config::ProxyConfig, tally::Tally, trust};
use crate::service::Problem;

/// Calls that share a connection. More would wait where the server allows no more, and for one another's bytes.
const SHARE: usize = 100;
/// From then on connections are shared by more.
const MOST_CONNECTIONS: usize = 128;
/// A connection that is over before a call began is tried again.
const ATTEMPTS: usize = 3;
const DIAL_WITHIN: Duration = Duration::from_secs(10);
/// What may be on its way to a reader that is slow.
const WIDE: u32 = 1 << 20;
/// The same where a person types: what is under way is shown before the answer to a key.
const NARROW: u32 = 64 << 10;
const FRAME: u32 = 1 << 20;
const SEND_BUFFER: usize = 1 << 20;
/// Trailers carry typed details.
const HEADERS: u32 = 256 << 10;
/// gRPC servers take more frequent pings for an attack.
const PING_EVERY: Duration = Duration::from_secs(310);
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The way to the upstream.
pub(super) struct Upstream {
    scheme: Scheme,
    authority: Authority,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    wide: Lane,
    narrow: Lane,
    tally: Tally,
}

/// Connections whose calls have the same window.
struct Lane {
    window: u32,
    lines: Mutex<Vec<Line>>,
    dialling: tokio::sync::Mutex<()>,
}

/// A connection. As many clones of `taken` live as it has calls, and one more.
struct Line {
    sender: SendRequest<Body>,
    /// How many calls the server takes on it.
    most: Arc<AtomicUsize>,
    taken: Seat,
}

/// Holds a call's place on its connection.
pub(super) type Seat = Arc<()>;

impl Line {
    fn calls(&self) -> usize {
        Arc::strong_count(&self.taken) - 1
    }

    fn has_room(&self) -> bool {
        self.calls() < self.most.load(Ordering::Relaxed).clamp(1, SHARE)
    }
}

impl Lane {
    /// The first connection with room, so that few are busy; at the limit, the one with the fewest calls.
    fn roomy(&self) -> Option<(SendRequest<Body>, Seat)> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| !line.sender.is_closed());
        let full = lines.len() >= MOST_CONNECTIONS;
        let found = lines.iter().find(|line| line.has_room());
        let found = found.or_else(|| if full { lines.iter().min_by_key(|line| line.calls()) } else { None })?;
        Some((found.sender.clone(), found.taken.clone()))
    }
}

impl Upstream {
    /// To the configuration's upstream. Says what is wrong with it.
    pub fn new(config: &ProxyConfig, tally: Tally) -> Result<Self, String> {
        let shape = "write it as https://host[:port], or http://host:port for HTTP/2 in the clear";
        let wrong = |why: &str| format!("the upstream {:?} {why}; {shape}", config.upstream);
        let uri: Uri = config.upstream.parse().map_err(|_| wrong("is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme().cloned(), uri.authority().cloned()) else {
            return Err(wrong("names no scheme or no host"));
        };
        if uri.path() != "/" || uri.query().is_some() {
            return Err(wrong("has a path, which gRPC knows nothing of"));
        }
        if authority.as_str().contains('@') {
            return Err(format!("the upstream's URL holds credentials, which would end up in logs; {shape}"));
        }
        let tls = match scheme.as_str() {
            "http" => None,
            "https" => {
                let name = authority.host().trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(name).map_err(|_| wrong("has a host that no certificate can name"))?;
                Some((trust::connector(config.upstream_ca.as_deref())?, name))
            }
            _ => return Err(wrong("has another scheme")),
        };
        let lane = |window| Lane { window, lines: Mutex::default(), dialling: Default::default() };
        Ok(Self { scheme, authority, tls, wide: lane(WIDE), narrow: lane(NARROW), tally })
    }

    /// The address of an rpc there.
    pub fn address(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// Sends a request and waits for the answer's head. Whoever drops this, or the answer, cancels the call.
    pub async fn send(
        &self,
        mut request: Request<Body>,
        interactive: bool,
    ) -> Result<(Response<Incoming>, Seat), Status> {
        let lane = if interactive { &self.narrow } else { &self.wide };
        for _ in 0..ATTEMPTS {
            let (mut sender, seat) = self.line(lane).await?;
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, seat)),
                Err(mut error) => match error.take_message() {
                    // The connection was over before any of it was sent.
                    Some(unsent) => request = unsent,
                    None => return Err(broken(error.into_error())),
                },
            }
        }
        Err(unavailable("the server behind this proxy closes its connections as soon as they are open"))
    }

    async fn line(&self, lane: &Lane) -> Result<(SendRequest<Body>, Seat), Status> {
        if let Some(line) = lane.roomy() {
            return Ok(line);
        }
        // Waiting for one's turn counts: behind a server that is not there nobody waits for all who came before.
        let opened = tokio::time::timeout(DIAL_WITHIN, self.open(lane)).await;
        opened.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut))).map_err(|error| {
            self.tally.failed();
            tracing::warn!(%error, "the upstream {} cannot be reached", self.authority);
            unavailable(format!("the server behind this proxy cannot be reached: {error}"))
        })
    }

    /// A new connection, unless one was opened meanwhile: one at a time, so that a crowd shares it.
    async fn open(&self, lane: &Lane) -> io::Result<(SendRequest<Body>, Seat)> {
        let _dialling = lane.dialling.lock().await;
        if let Some(line) = lane.roomy() {
            return Ok(line);
        }
        let line = self.dial(lane.window).await?;
        let (sender, seat) = (line.sender.clone(), line.taken.clone());
        lane.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        Ok((sender, seat))
    }

    async fn dial(&self, window: u32) -> io::Result<Line> {
        let port = self.authority.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((self.authority.host().trim_matches(['[', ']']), port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.shake_hands(stream, window).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                    return Err(io::Error::other("it does not speak HTTP/2, which gRPC needs"));
                }
                self.shake_hands(stream, window).await
            }
        }
    }

    async fn shake_hands(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        window: u32,
    ) -> io::Result<Line> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(window)
            // Readers that stand still must not hold up the others.
            .initial_connection_window_size(window * (SHARE as u32))
            .max_frame_size(FRAME)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(HEADERS)
            .keep_alive_interval(PING_EVERY);
        let (sender, mut connection) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let present = self.tally.connection();
        let line = Line { sender, most: Arc::new(AtomicUsize::new(SHARE)), taken: Seat::default() };
        let most = line.most.clone();
        tokio::spawn(async move {
            let _present = present;
            let driven = std::future::poll_fn(|context| {
                let driven = Pin::new(&mut connection).poll(context);
                most.store(connection.current_max_send_streams(), Ordering::Relaxed);
                driven
            });
            if let Err(error) = driven.await {
                tracing::debug!(%error, "a connection to the upstream ended early");
            }
        });
        Ok(line)
    }
}

/// The upstream cannot be used now, and maybe can in a moment.
pub(super) fn unavailable(text: impl Into<String>) -> Status {
    Problem::new(Code::Unavailable, "CWSANDBOX_BACKEND_UNAVAILABLE", text).retry_after(RETRY_AFTER).into()
}

/// What a broken exchange means: what HTTP/2 says about it, else that the upstream is gone.
pub(super) fn broken(error: hyper::Error) -> Status {
    let text = format!("the server behind this proxy broke the call off: {error}");
    let status = Status::from_error(Box::new(error));
    match status.code() {
        Code::Unknown | Code::Internal | Code::Unavailable => unavailable(text),
        code => Status::new(code, text),
    }
}
