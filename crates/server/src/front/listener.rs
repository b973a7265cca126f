//! The accept loop: HTTP/1.1 and HTTP/2 with prior knowledge on one port, and an end that lets calls finish.

use std::{convert::Infallible, time::Duration};

use axum::body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Front, preview::Arrival};

const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const FRAME: u32 = 1 << 20;
const SEND_BUFFER: usize = 4 << 20;
const STREAMS: u32 = 1000;
const PING_EVERY: Duration = Duration::from_secs(20);
/// What calls get to finish once the server was told to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves until `shutdown` resolves; then lets calls finish while `stopping` stops what they depend on.
pub(crate) async fn listen(
    listener: TcpListener,
    front: Front,
    shutdown: impl Future<Output = ()>,
    stopping: impl Future<Output = ()>,
) {
    let builder = builder();
    let graceful = GracefulShutdown::new();
    let cut = CancellationToken::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => match front.arrival(&stream) {
                Some(arrival) => serve(&builder, &graceful, stream, front.clone(), arrival, cut.clone()),
                // Came to an address that is not this server's.
                None => drop(stream),
            },
            Err(error) => {
                // Out of descriptors, most likely: wait for some to come back instead of spinning.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let farewell = async {
        let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
        cut.cancel();
    };
    tokio::join!(farewell, stopping);
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(60));
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

fn serve(
    builder: &auto::Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    stream: TcpStream,
    front: Front,
    arrival: Arrival,
    cut: CancellationToken,
) {
    // Output leaves as it is produced; waiting for more to send costs 40 ms a keystroke.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = service_fn(move |request: http::Request<Incoming>| {
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(request.map(Body::new), arrival).await) }
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            served = connection => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended early");
                }
            }
            () = cut.cancelled() => {}
        }
    });
}
