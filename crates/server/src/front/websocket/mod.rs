//! grpc-websockets: one call per socket, for browsers, whose fetch cannot stream both ways. The socket's first message
//! is the call's metadata; after it both directions are plain streams of gRPC-web bytes. The call then goes the way of
//! every other call, credentials included. `flow` bounds what is under way to callers that can count.

mod answer;
mod flow;

use std::{collections::VecDeque, convert::Infallible, pin::pin, time::Duration};

use axum::{
    body::Body,
    extract::{
        FromRequestParts,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
};
use bytes::Bytes;
use futures::{SinkExt, Stream, StreamExt, stream::SplitStream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header, request::Parts};
use http_body::Frame;
use http_body_util::StreamBody;

use self::{
    answer::Answer,
    flow::{Down, Intake},
};
use super::refusal::{Refusal, Tongue};
use crate::service::MAX_MESSAGE;

const PROTOCOL: &str = "grpc-websockets";
const CONTENT_TYPE: &str = "application/grpc-web+proto";
/// Held by every socket, also by those that are silent.
const READ_BUFFER: usize = 16 * 1024;
const HALF_CLOSE: [u8; 1] = [1];
const METADATA_WITHIN: Duration = Duration::from_secs(10);
/// A peer that is gone is noticed by a ping that cannot be delivered.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a peer that was told of the end may take to fetch what is still on its way.
const FAREWELL: Duration = Duration::from_secs(30);

/// What calls go to once they are unpacked.
pub(crate) trait Calls: Clone + Send + Sync + 'static {
    /// Makes a gRPC-web call whose Host and Origin were checked, and its credentials not yet.
    fn call(&self, request: Request<Body>) -> impl Future<Output = Result<Response<Body>, Refusal>> + Send;
}

/// Among a call's extensions: little is to be held of its answer on the way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interactive;

/// Whether a request wants to become a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Accepts the socket. Host and Origin were checked; credentials come with the first message.
pub(crate) async fn upgrade(calls: impl Calls, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| Refusal::bad_request(error.body_text()))?
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    if upgrade.selected_protocol().is_none() {
        return Err(Refusal::bad_request(format!("WebSockets here speak the subprotocol {PROTOCOL:?}; ask for it")));
    }
    Ok(upgrade.on_upgrade(move |socket| async move {
        // An error means that the peer is gone: nobody is left to tell.
        let _ = serve(calls, parts, socket).await;
    }))
}

async fn serve(calls: impl Calls, parts: Parts, socket: WebSocket) -> Result<(), axum::Error> {
    let (mut sink, mut source) = socket.split();
    let first = tokio::time::timeout(METADATA_WITHIN, source.next()).await;
    let Ok(Some(Ok(Message::Binary(metadata)))) = first else { return sink.close().await };
    let (intake, input, owed) = flow::up();
    let (headers, down) = match read_metadata(&metadata, &parts.headers) {
        Ok(mut headers) => {
            let down = flow::negotiate(&mut headers);
            (Ok(headers), down)
        }
        Err(refusal) => (Err(refusal), None),
    };
    let counted = down.clone();
    let respond = async {
        let interactive = counted.as_ref().is_some_and(Down::is_interactive);
        let mut response = call(&calls, parts, headers, interactive, input).await;
        if counted.is_some() {
            response.headers_mut().insert(flow::HEADER, HeaderValue::from(flow::UP));
        }
        let mut answer = Answer::new(response);
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            let next = async {
                if let Some(down) = &counted {
                    down.room().await;
                }
                answer.next().await
            };
            let message = tokio::select! {
                chunk = next => match chunk {
                    Some(chunk) => {
                        if let Some(down) = &counted {
                            down.sent(chunk.len());
                        }
                        Message::Binary(chunk)
                    }
                    None => break,
                },
                granted = owed.next(), if counted.is_some() => Message::Text(granted.to_string().into()),
                _ = ping.tick() => Message::Ping(Bytes::new()),
            };
            sink.send(message).await?;
        }
        sink.send(Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason: "".into() }))).await
    };
    let mut receiving = pin!(receive(&mut source, intake, down));
    tokio::select! {
        answered = respond => answered?,
        // A peer that closed or broke wants nothing any more; dropping the call cancels it.
        () = &mut receiving => return Ok(()),
    }
    // A connection that is dropped with something unread is reset, and what the peer has not yet fetched is lost to it.
    let _ = tokio::time::timeout(FAREWELL, receiving).await;
    Ok(())
}

async fn call(
    calls: &impl Calls,
    parts: Parts,
    headers: Result<HeaderMap, Refusal>,
    interactive: bool,
    input: impl Stream<Item = Bytes> + Send + 'static,
) -> Response<Body> {
    let answered = async {
        let body = input.map(|data| Ok::<_, Infallible>(Frame::data(data)));
        let mut request = Request::new(Body::new(StreamBody::new(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = parts.uri;
        *request.headers_mut() = headers?;
        if interactive {
            request.extensions_mut().insert(Interactive);
        }
        calls.call(request).await
    };
    let tongue = Tongue::Grpc(HeaderValue::from_static(CONTENT_TYPE));
    answered.await.unwrap_or_else(|refusal: Refusal| refusal.answer(&tongue))
}

/// Passes the caller's bytes on until it closes. After a half-close only that remains to be waited for.
async fn receive(source: &mut SplitStream<WebSocket>, intake: Intake, down: Option<Down>) {
    let mut intake = Some(intake);
    while let Some(Ok(message)) = source.next().await {
        let mut data = match message {
            Message::Binary(data) => data,
            Message::Text(grant) => {
                if let Some(down) = &down {
                    down.grant(&grant);
                }
                continue;
            }
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        if data[..] == HALF_CLOSE {
            intake = None;
        } else if data.len() > 1
            && let Some(to) = &intake
            // The leading zero alone is a keepalive.
            && !to.push(data.split_off(1)).await
        {
            intake = None;
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
