//! A gRPC server of somebody else: it echoes what it gets, says what it was told, and notices who goes away.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Body = BoxBody<Bytes, Infallible>;

#[derive(Clone, Default)]
pub struct Foreign(Arc<State>);

#[derive(Default)]
struct State {
    heads: Mutex<Vec<HeaderMap>>,
    open: AtomicUsize,
}

struct Open(Foreign);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Foreign {
    /// Starts it; gives its URL, too.
    pub async fn start() -> (Self, String) {
        let foreign = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let own = foreign.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let own = own.clone();
                let service = service_fn(move |request| {
                    let own = own.clone();
                    async move { Ok::<_, Infallible>(own.answer(request).await) }
                });
                let serve = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::spawn(async move { serve.serve_connection(TokioIo::new(stream), service).await });
            }
        });
        (foreign, url)
    }

    /// The headers of the last call.
    pub fn head(&self) -> HeaderMap {
        self.0.heads.lock().unwrap().last().unwrap().clone()
    }

    /// Waits until so many calls are open.
    pub async fn open(&self, count: usize) {
        let reached = async {
            while self.0.open.load(Ordering::SeqCst) != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached).await.expect("calls come and go");
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        self.0.heads.lock().unwrap().push(head.headers.clone());
        let mut response = Response::builder()
            .header("content-type", head.headers["content-type"].clone())
            .header("x-initial-bin", "AAEC")
            .header("x-initial", "two words");
        let end = trailers(&[("grpc-status", "0"), ("x-final-bin", "AwQF"), ("x-final", "a"), ("x-final", "b")]);
        match head.uri.path() {
            "/any.Service/Echo" => {
                let data = body.collect().await.unwrap().to_bytes();
                let frames = [Ok(Frame::data(data)), Ok(Frame::trailers(end))];
                response.body(BodyExt::boxed(StreamBody::new(stream::iter(frames)))).unwrap()
            }
            "/any.Service/Refuse" => {
                response = response.header("grpc-status", "9").header("grpc-message", "not%20now");
                response = response.header("grpc-status-details-bin", "CAkSB25vdCBub3c");
                response.body(http_body_util::Empty::new().boxed()).unwrap()
            }
            "/any.Service/Page" => {
                let page = http_body_util::Full::new(Bytes::from_static(b"<p>log in"));
                Response::builder().status(502).header("content-type", "text/html").body(page.boxed()).unwrap()
            }
            // Both directions stay open: what comes in goes out, and nobody ends it.
            _ => {
                self.0.open.fetch_add(1, Ordering::SeqCst);
                let open = Open(self.clone());
                let frames = stream::unfold((body, open), |(mut body, open)| async move {
                    match body.frame().await {
                        Some(Ok(frame)) => Some((Ok(Frame::data(frame.into_data().unwrap_or_default())), (body, open))),
                        // The caller has said everything, and waits.
                        _ => std::future::pending().await,
                    }
                });
                response.body(BodyExt::boxed(StreamBody::new(frames))).unwrap()
            }
        }
    }
}

fn trailers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, HeaderValue::from_static(value));
    }
    map
}
