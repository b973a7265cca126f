//! grpc-websockets: one call per socket, for browsers, whose fetch cannot stream both ways. The socket's first message
//! is the call's metadata; after it both directions are plain streams of gRPC-web bytes. The call then goes the way of
//! every other call, credentials included.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::{
        FromRequestParts,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{SinkExt, StreamExt, stream::SplitStream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header, request::Parts};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Front,
    refusal::{Refusal, Tongue},
};
use crate::service::MAX_MESSAGE;

const PROTOCOL: &str = "grpc-websockets";
const CONTENT_TYPE: &str = "application/grpc-web+proto";
/// Marks a frame of headers or trailers.
const HEADERS_FLAG: u8 = 0x80;
const HALF_CLOSE: [u8; 1] = [1];
/// Messages between the socket and the call.
const QUEUE: usize = 16;
const METADATA_WITHIN: Duration = Duration::from_secs(10);
/// A peer that is gone is noticed by a ping that cannot be delivered.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Whether a request wants to become a WebSocket.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Accepts the socket. Host and Origin were checked; credentials come with the first message.
pub(super) async fn upgrade(front: Front, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| Refusal::bad_request(error.body_text()))?
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    if upgrade.selected_protocol().is_none() {
        return Err(Refusal::bad_request(format!("WebSockets here speak the subprotocol {PROTOCOL:?}; ask for it")));
    }
    Ok(upgrade.on_upgrade(move |socket| async move {
        // An error means that the peer is gone: nobody is left to tell.
        let _ = serve(front, parts, socket).await;
    }))
}

async fn serve(front: Front, parts: Parts, socket: WebSocket) -> Result<(), axum::Error> {
    let (mut sink, mut source) = socket.split();
    let first = tokio::time::timeout(METADATA_WITHIN, source.next()).await;
    let Ok(Some(Ok(Message::Binary(metadata)))) = first else { return sink.close().await };
    let (input, queue) = mpsc::channel(QUEUE);
    let call = call(&front, parts, &metadata, queue);
    let respond = async {
        let response = call.await;
        let mut output = Output::new(response);
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            let message = tokio::select! {
                chunk = output.next() => match chunk {
                    Some(chunk) => Message::Binary(chunk),
                    None => break,
                },
                _ = ping.tick() => Message::Ping(Bytes::new()),
            };
            sink.send(message).await?;
        }
        sink.send(Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason: "".into() }))).await
    };
    tokio::select! {
        answered = respond => answered,
        // A peer that closed or broke wants nothing any more; dropping the call cancels it.
        () = receive(source, input) => Ok(()),
    }
}

async fn call(front: &Front, parts: Parts, metadata: &[u8], queue: mpsc::Receiver<Bytes>) -> Response<Body> {
    let answered = async {
        let body = ReceiverStream::new(queue).map(|data| Ok::<_, Infallible>(Frame::data(data)));
        let mut request = Request::new(Body::new(StreamBody::new(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = parts.uri;
        *request.headers_mut() = read_metadata(metadata, &parts.headers)?;
        front.call(request).await
    };
    let tongue = Tongue::Grpc(HeaderValue::from_static(CONTENT_TYPE));
    answered.await.unwrap_or_else(|refusal: Refusal| refusal.answer(&tongue))
}

/// Passes the caller's bytes on until it closes. After a half-close only that remains to be waited for.
async fn receive(mut source: SplitStream<WebSocket>, input: mpsc::Sender<Bytes>) {
    let mut input = Some(input);
    while let Some(Ok(message)) = source.next().await {
        let Message::Binary(mut data) = message else {
            if matches!(message, Message::Close(_)) {
                return;
            }
            continue;
        };
        if data[..] == HALF_CLOSE {
            input = None;
        } else if data.len() > 1
            && let Some(to) = &input
        {
            // The leading zero alone is a keepalive.
            let bytes = data.split_off(1);
            if to.send(bytes).await.is_err() {
                input = None;
            }
        }
    }
}

/// `key: value` lines, laid over the headers of the upgrade.
fn read_metadata(text: &[u8], upgrade: &HeaderMap) -> Result<HeaderMap, Refusal> {
    let bad = || Refusal::bad_request("the first message must be lines of \"key: value\"");
    let mut headers = HeaderMap::new();
    for name in [header::HOST, header::ORIGIN, header::AUTHORIZATION] {
        if let Some(value) = upgrade.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let mut seen = VecDeque::new();
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(bad)?;
        let name = HeaderName::from_bytes(line[..colon].trim_ascii()).map_err(|_| bad())?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(|_| bad())?;
        if seen.contains(&name) {
            headers.append(name, value);
        } else {
            headers.insert(name.clone(), value);
            seen.push_back(name);
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    Ok(headers)
}

/// An answer as the socket's bytes: a frame of headers, then the gRPC-web body, whose last frame is the trailers.
struct Output {
    head: Option<Bytes>,
    body: Body,
    broken: bool,
}

impl Output {
    fn new(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let mut block = BytesMut::new();
        for (name, value) in &parts.headers {
            block.put_slice(name.as_str().as_bytes());
            block.put_slice(b": ");
            block.put_slice(value.as_bytes());
            block.put_slice(b"\r\n");
        }
        let mut head = BytesMut::with_capacity(block.len() + 5);
        head.put_u8(HEADERS_FLAG);
        head.put_u32(u32::try_from(block.len()).unwrap_or(u32::MAX));
        head.put_slice(&block);
        Self { head: Some(head.freeze()), body, broken: false }
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(head) = self.head.take() {
            return Some(head);
        }
        loop {
            if self.broken {
                return None;
            }
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Some(data);
                    }
                }
                // Without trailers the caller would take it for a lost connection and never learn why.
                Err(error) => {
                    tracing::warn!(%error, "an answer over a WebSocket broke off");
                    self.broken = true;
                    return Some(broken_off());
                }
            }
        }
    }
}

/// The trailers of an answer that could not be finished.
fn broken_off() -> Bytes {
    let block = b"grpc-status: 14\r\ngrpc-message: the server could not finish this answer\r\n";
    let mut frame = BytesMut::with_capacity(block.len() + 5);
    frame.put_u8(HEADERS_FLAG);
    frame.put_u32(block.len() as u32);
    frame.put_slice(block);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_overlays_the_upgrade_and_keeps_repeats() {
        let upgrade = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer old"))]);
        let text = b"authorization: Bearer new\r\nx-a: 1\r\nx-a: 2\r\ncontent-type: text/plain\r\n";
        let headers = read_metadata(text, &upgrade).unwrap();
        assert_eq!(headers[header::AUTHORIZATION], "Bearer new");
        assert_eq!(headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers[header::CONTENT_TYPE], CONTENT_TYPE);
        assert!(read_metadata(b"no colon", &upgrade).is_err());
        assert!(read_metadata(b"bad name: x", &upgrade).is_err());
    }
}
