//! Refuses messages over the limit with a typed error, as soon as their head says how long they are.
//! Must not know: what messages mean.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::Request;
use http_body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body};
use tower::Service;

use crate::service::Problem;

/// A service behind the limit.
#[derive(Clone)]
pub(crate) struct LimitMessages<S> {
    inner: S,
    most: usize,
}

impl<S> LimitMessages<S> {
    /// Puts a limit of `most` bytes a message before `inner`.
    pub fn new(inner: S, most: usize) -> Self {
        Self { inner, most }
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for LimitMessages<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let heads = Heads::new(self.most);
        self.inner.call(request.map(|body| Body::new(LimitedBody { body, heads })))
    }
}

struct LimitedBody {
    body: Body,
    heads: Heads,
}

impl http_body::Body for LimitedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && let Some(length) = self.heads.walk(data)
        {
            let most = self.heads.most;
            let text = format!("the message has {length} bytes, the limit is {most}; send less at a time");
            let problem = Problem::new(Code::ResourceExhausted, "CWSANDBOX_MESSAGE_TOO_LARGE", text);
            return Poll::Ready(Some(Err(problem.with("max_size_bytes", most).into())));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Finds message heads in a stream of bytes, however it is cut.
struct Heads {
    most: usize,
    head: [u8; 5],
    filled: usize,
    left: usize,
}

impl Heads {
    fn new(most: usize) -> Self {
        Self { most, head: [0; 5], filled: 0, left: 0 }
    }

    /// Walks on; gives the length of the first message that is too long.
    fn walk(&mut self, mut data: &[u8]) -> Option<usize> {
        while !data.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(data.len());
                data.advance(skipped);
                self.left -= skipped;
                continue;
            }
            let taken = data.len().min(self.head.len() - self.filled);
            self.head[self.filled..self.filled + taken].copy_from_slice(&data[..taken]);
            data.advance(taken);
            self.filled += taken;
            if self.filled == self.head.len() {
                let [_, length @ ..] = self.head;
                self.filled = 0;
                self.left = u32::from_be_bytes(length) as usize;
                if self.left > self.most {
                    return Some(self.left);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::MAX_MESSAGE;

    fn message(length: usize) -> Vec<u8> {
        let mut message = vec![0];
        message.extend_from_slice(&(length as u32).to_be_bytes());
        message
    }

    #[test]
    fn a_head_is_found_wherever_it_is_cut() {
        let mut bytes = message(3);
        bytes.extend_from_slice(b"abc");
        bytes.extend(message(MAX_MESSAGE + 1));
        for cut in 0..=bytes.len() {
            let mut heads = Heads::new(MAX_MESSAGE);
            let found = heads.walk(&bytes[..cut]).or_else(|| heads.walk(&bytes[cut..]));
            assert_eq!(found, Some(MAX_MESSAGE + 1), "cut at {cut}");
        }
        assert_eq!(Heads::new(MAX_MESSAGE).walk(&bytes[..8]), None);
        assert_eq!(Heads::new(MAX_MESSAGE).walk(&message(MAX_MESSAGE)), None);
    }
}
