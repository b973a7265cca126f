//! What a caller still sends after it was answered. Over HTTP/1 a connection that is closed on unread bytes is reset, and
//! the reset takes the answer back that had just been sent: a refusal must be read as what it says, not as a broken
//! connection. So the answer goes out at once, and its end waits until the request was read to its own.
//! Must not know: what requests mean.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body as _, Frame, SizeHint};
use tokio::{
    sync::oneshot,
    time::{Sleep, sleep},
};

/// What is read at most. Whoever goes on sending although it was answered is cut off in the end.
const MOST_BYTES: usize = 64 << 20;
const MOST_TIME: Duration = Duration::from_secs(5);

/// The rest of a request's body, once nobody wants it any more.
pub(crate) struct RestOfBody {
    comes: oneshot::Receiver<Body>,
    body: Option<Body>,
    read: usize,
    limit: Option<Pin<Box<Sleep>>>,
}

impl RestOfBody {
    /// The same request, whose body is handed over by whoever drops it before its end; `None` where nothing is to be
    /// read.
    pub fn of(request: Request<Body>) -> (Request<Body>, Option<Self>) {
        if request.version() >= Version::HTTP_2 || request.body().is_end_stream() {
            return (request, None);
        }
        let (goes, comes) = oneshot::channel();
        let request = request.map(|body| Body::new(Lent { body, goes: Some(goes) }));
        (request, Some(Self { comes, body: None, read: 0, limit: None }))
    }

    /// The same answer, whose end waits for the rest.
    pub fn before_the_end_of(mut self, response: Response<Body>) -> Response<Body> {
        match self.comes.try_recv() {
            // It was read to its end before there was an answer.
            Err(oneshot::error::TryRecvError::Closed) => return response,
            Err(oneshot::error::TryRecvError::Empty) => {}
            Ok(body) => self.body = Some(body),
        }
        response.map(|body| Body::new(Answer { body: Some(body), rest: self }))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(MOST_TIME)));
        if limit.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let body = match &mut self.body {
                Some(body) => body,
                None => match ready!(Pin::new(&mut self.comes).poll(context)) {
                    Ok(body) => self.body.insert(body),
                    Err(_) => return Poll::Ready(()),
                },
            };
            let Some(Ok(frame)) = ready!(Pin::new(body).poll_frame(context)) else { return Poll::Ready(()) };
            self.read += frame.data_ref().map_or(0, Bytes::len);
            if self.read > MOST_BYTES {
                return Poll::Ready(());
            }
        }
    }
}

/// A body that is not lost with whoever reads it.
struct Lent {
    body: Body,
    /// None once the body has ended.
    goes: Option<oneshot::Sender<Body>>,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if self.body.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            self.goes = None;
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

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(goes) = self.goes.take() {
            // Nobody waits for the rest of a request whose connection is gone.
            let _ = goes.send(std::mem::take(&mut self.body));
        }
    }
}

/// An answer. Its length is not told ahead, or whoever counts would take it for ended.
struct Answer {
    /// None once all of it went out.
    body: Option<Body>,
    rest: RestOfBody,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(body) = &mut self.body {
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(frame) => return Poll::Ready(Some(frame)),
                None => self.body = None,
            }
        }
        self.rest.poll_read(context).map(|()| None)
    }
}
