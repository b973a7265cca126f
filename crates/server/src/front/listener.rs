//! The accept loop: HTTP/1.1 and HTTP/2 with prior knowledge on one port, in the clear or over TLS, and an end that lets
//! calls finish.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tokio_util::sync::CancellationToken;

use super::{
    preview::{Arrival, Place},
    rest::Peer,
};
use crate::hello;

const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const FRAME: u32 = 1 << 20;
const SEND_BUFFER: usize = 4 << 20;
const STREAMS: u32 = 1000;
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a connection may be silent at its beginning.
const SILENCE: Duration = Duration::from_secs(60);
/// What calls get to finish once the server was told to stop.
const FAREWELL: Duration = Duration::from_secs(5);
const PLAIN_REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\
    content-length: 42\r\n\r\nthis server speaks TLS only; use https://\n";

/// What answers on a port.
pub(crate) trait Site: Clone + Send + Sync + 'static {
    /// How a connection came; `None` for one that this server does not answer.
    fn arrival(&self, stream: &TcpStream) -> Option<Arrival>;

    /// Where a connection goes that asks for that name, if not to the server itself.
    fn place(&self, name: &str, arrival: Arrival) -> Option<Place>;

    /// The other end of a connection that goes on to that place still encrypted.
    fn passthrough(&self, place: &Place) -> impl Future<Output = io::Result<Option<TcpStream>>> + Send;

    /// Whether callers in the clear are turned away.
    fn tls_only(&self) -> bool;

    /// What to show to who asks for that name; `service` says that it is none of the server's own.
    fn tls_config(&self, name: &str, service: bool) -> io::Result<Arc<ServerConfig>>;

    /// Answers one request.
    fn answer(
        &self,
        request: http::Request<Body>,
        arrival: Arrival,
    ) -> impl Future<Output = http::Response<Body>> + Send;
}

/// Serves until `shutdown` resolves; then lets calls finish while `stopping` stops what they depend on.
pub(crate) async fn listen(
    listener: TcpListener,
    site: impl Site,
    shutdown: impl Future<Output = ()>,
    stopping: impl Future<Output = ()>,
) {
    let builder = Arc::new(builder());
    let graceful = GracefulShutdown::new();
    let (closing, cut) = (CancellationToken::new(), CancellationToken::new());
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            // One that came to an address that is not this server's is dropped.
            Ok((stream, peer)) => {
                if let Some(arrival) = site.arrival(&stream) {
                    let connection = Connection {
                        site: site.clone(),
                        arrival,
                        peer: Peer(peer),
                        builder: builder.clone(),
                        watcher: graceful.watcher(),
                        closing: closing.clone(),
                    };
                    let cut = cut.clone();
                    tokio::spawn(async move { cut.run_until_cancelled(connection.open(stream)).await });
                }
            }
            Err(error) => {
                // Out of descriptors, most likely: wait for some to come back instead of spinning.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    closing.cancel();
    let farewell = async {
        let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
        cut.cancel();
    };
    tokio::join!(farewell, stopping);
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(SILENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_send_buf_size(SEND_BUFFER)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY);
    builder
}

/// An accepted connection.
struct Connection<S> {
    site: S,
    arrival: Arrival,
    peer: Peer,
    builder: Arc<auto::Builder<TokioExecutor>>,
    watcher: Watcher,
    /// Whoever has said nothing by then never will be heard.
    closing: CancellationToken,
}

impl<S: Site> Connection<S> {
    async fn open(self, stream: TcpStream) {
        // Output leaves as it is produced; waiting for more to send costs 40 ms a keystroke.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let mut first = [0];
        let spoke = async { tokio::time::timeout(SILENCE, stream.peek(&mut first)).await };
        match self.closing.clone().run_until_cancelled(spoke).await {
            Some(Ok(Ok(1))) => {}
            _ => return,
        }
        let opened = match (first[0] == hello::HANDSHAKE, self.site.tls_only()) {
            (true, _) => self.open_tls(stream).await,
            (false, false) => {
                self.serve(stream).await;
                Ok(())
            }
            (false, true) => refuse_plain(stream).await,
        };
        if let Err(error) = opened {
            tracing::debug!(%error, "a connection could not be opened");
        }
    }

    async fn open_tls(mut self, mut stream: TcpStream) -> io::Result<()> {
        let hello = hello::read(&mut stream).await?;
        // Without a name, the address that it came to is meant.
        let host = hello.name.unwrap_or_else(|| self.arrival.to.ip().to_string());
        let (reader, writer) = stream.into_split();
        let mut replayed = join(io::Cursor::new(hello.bytes).chain(reader), writer);
        let Some(place) = self.site.place(&host, self.arrival) else {
            return self.terminate(&host, false, replayed).await;
        };
        match self.site.passthrough(&place).await? {
            Some(mut inside) => {
                drop(self.watcher);
                tokio::io::copy_bidirectional(&mut replayed, &mut inside).await.map(drop)
            }
            None => {
                self.arrival.tls = true;
                self.terminate(&host, true, replayed).await
            }
        }
    }

    async fn terminate(
        mut self,
        host: &str,
        service: bool,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> io::Result<()> {
        self.arrival.tls = true;
        let acceptor = TlsAcceptor::from(self.site.tls_config(host, service)?);
        let stream = tokio::time::timeout(SILENCE, acceptor.accept(stream)).await??;
        self.serve(stream).await;
        Ok(())
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Connection { site, arrival, peer, builder, watcher, .. } = self;
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let site = site.clone();
            async move { Ok::<_, Infallible>(site.answer(request.map(Body::new), arrival).await) }
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

async fn refuse_plain(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(PLAIN_REFUSED).await?;
    stream.shutdown().await?;
    // Closing on what was not read would take the answer back.
    let mut sink = tokio::io::sink();
    tokio::time::timeout(FAREWELL, tokio::io::copy(&mut stream, &mut sink)).await?.map(drop)
}
