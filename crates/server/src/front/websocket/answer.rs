//! An answer as a socket's bytes: a frame of headers, then the gRPC-web body, whose last frame is the trailers.
//! Must not know: sockets.

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Response};
use http_body_util::BodyExt;

/// Marks a frame of headers or trailers.
const HEADERS_FLAG: u8 = 0x80;
/// A larger chunk goes in several messages, so that a window of credit means something. What a process prints comes in
/// chunks of 64 KiB and a little for its heads: they go in one.
const MESSAGE_MAX: usize = 72 * 1024;

/// The bytes of an answer, chunk by chunk.
pub(super) struct Answer {
    /// What was already taken from the body.
    ready: Bytes,
    body: Body,
    broken: bool,
}

impl Answer {
    pub fn new(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self { ready: head(&parts.headers), body, broken: false }
    }

    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if !self.ready.is_empty() {
                let len = self.ready.len().min(MESSAGE_MAX);
                return Some(self.ready.split_to(len));
            }
            if self.broken {
                return None;
            }
            match self.body.frame().await? {
                Ok(frame) => self.ready = frame.into_data().unwrap_or_default(),
                // Without trailers the caller would take it for a lost connection and never learn why.
                Err(error) => {
                    tracing::warn!(%error, "an answer over a WebSocket broke off");
                    self.broken = true;
                    self.ready = block(b"grpc-status: 14\r\ngrpc-message: the server could not finish this answer\r\n");
                }
            }
        }
    }
}

fn head(headers: &HeaderMap) -> Bytes {
    let mut lines = BytesMut::new();
    for (name, value) in headers {
        lines.put_slice(name.as_str().as_bytes());
        lines.put_slice(b": ");
        lines.put_slice(value.as_bytes());
        lines.put_slice(b"\r\n");
    }
    block(&lines)
}

fn block(lines: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(lines.len() + 5);
    frame.put_u8(HEADERS_FLAG);
    frame.put_u32(u32::try_from(lines.len()).unwrap_or(u32::MAX));
    frame.put_slice(lines);
    frame.freeze()
}
