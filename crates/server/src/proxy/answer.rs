//! An answer on its way to the caller. It always ends with a status: the upstream's, or one that says what went wrong
//! there; and a call whose caller is gone, whose deadline passed or that is silent for too long ends upstream too.
//! Must not know: scopes, connections.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep},
};
use tonic::{Code, Status, body::Body};

use super::{headers::keep_metadata, tally::Tally, upstream::broken};
use crate::service::Problem;

/// What the upstream gets beyond the caller's deadline, so that its own word arrives first.
const GRACE: Duration = Duration::from_millis(500);

/// Why a request was broken off here: the upstream only hears that it was.
type Refused = Arc<Mutex<Option<Status>>>;

/// Both directions of one call, as far as they concern each other.
pub(super) struct Watch {
    deadline: Option<Instant>,
    idle: Option<Duration>,
    started: Instant,
    /// When something last passed, in milliseconds since the start.
    active: Arc<AtomicU64>,
    refused: Refused,
    timer: Option<Pin<Box<Sleep>>>,
    tally: Tally,
    /// Dropped with the answer, which ends the request.
    _up: oneshot::Sender<()>,
}

impl Watch {
    /// Over a call with this timeout of its own. Gives what its request goes through.
    pub fn new(timeout: Option<Duration>, idle: Option<Duration>, tally: Tally) -> (Self, Gauge) {
        let started = Instant::now();
        let deadline = timeout.and_then(|timeout| started.checked_add(timeout.saturating_add(GRACE)));
        let active = Arc::new(AtomicU64::new(0));
        let (up, caller_gone) = oneshot::channel();
        let timer = match (deadline, idle) {
            (None, None) => None,
            (deadline, idle) => {
                let first = [deadline, idle.map(|idle| started + idle)].into_iter().flatten().min();
                Some(Box::pin(tokio::time::sleep_until(first.unwrap_or(started))))
            }
        };
        let refused = Refused::default();
        let gauge = Gauge { started, active: active.clone(), refused: refused.clone(), caller_gone };
        (Self { deadline, idle, started, active, refused, timer, tally, _up: up }, gauge)
    }

    /// Waits for the head of an answer.
    pub async fn bound<T>(&mut self, answer: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let mut answer = std::pin::pin!(answer);
        std::future::poll_fn(|context| match answer.as_mut().poll(context) {
            Poll::Ready(answered) => Poll::Ready(answered.map_err(|status| self.blame(status))),
            Poll::Pending => self.poll_over(context).map(Err),
        })
        .await
    }

    /// What the caller did wrong, if that is why its call broke.
    fn blame(&self, otherwise: Status) -> Status {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(otherwise)
    }

    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        let Some(timer) = &mut self.timer else { return Poll::Pending };
        loop {
            ready!(timer.as_mut().poll(context));
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                self.tally.cut();
                let text = "the deadline passed before the server behind this proxy was done; the call was cancelled";
                return Poll::Ready(Problem::new(Code::DeadlineExceeded, "CWSANDBOX_DEADLINE_EXCEEDED", text).into());
            }
            let last = self.started + Duration::from_millis(self.active.load(Ordering::Relaxed));
            let silent = self.idle.map(|idle| last + idle);
            if let (Some(idle), Some(end)) = (self.idle, silent)
                && end <= now
            {
                self.tally.cut();
                let text = format!("nothing passed for {} s, so the proxy ended the call; repeat it", idle.as_secs());
                return Poll::Ready(Problem::new(Code::Unavailable, "CWSANDBOX_IDLE", text).into());
            }
            let next = [self.deadline, silent].into_iter().flatten().min().unwrap_or(now + GRACE);
            timer.as_mut().reset(next);
        }
    }

    fn mark(&self) {
        mark(self.started, &self.active);
    }
}

fn mark(started: Instant, active: &AtomicU64) {
    active.store(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// What a request's body goes through.
pub(super) struct Gauge {
    started: Instant,
    active: Arc<AtomicU64>,
    refused: Refused,
    caller_gone: oneshot::Receiver<()>,
}

impl Gauge {
    /// The body, which breaks when the answer is no longer wanted: what is dropped alone would end it well.
    pub fn through(self, body: Body) -> Body {
        Body::new(Gauged { body, gauge: self })
    }
}

struct Gauged {
    body: Body,
    gauge: Gauge,
}

impl http_body::Body for Gauged {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.gauge.caller_gone.poll_unpin(context).is_ready() {
            return Poll::Ready(Some(Err(Status::from_error(h2::Error::from(h2::Reason::CANCEL).into()))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        mark(self.gauge.started, &self.gauge.active);
        if let Some(Err(refused)) = &frame {
            *self.gauge.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused.clone());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What decodes base64 tells the length of what it decodes, and a wrong length is a protocol error.
        SizeHint::default()
    }
}

/// The answer's body. `Held` is given back when it is over.
pub(super) struct Answer<Held> {
    upstream: Incoming,
    watch: Watch,
    /// The status was among the headers: nothing more is to come.
    trailers_only: bool,
    over: bool,
    _held: Held,
}

impl<Held> Answer<Held> {
    /// What follows `headers`.
    pub fn new(upstream: Incoming, headers: &HeaderMap, watch: Watch, held: Held) -> Self {
        let trailers_only = headers.contains_key("grpc-status");
        Self { upstream, watch, trailers_only, over: false, _held: held }
    }

    fn end(&mut self, status: Status) -> Option<Result<Frame<Bytes>, Status>> {
        self.over = true;
        let mut trailers = HeaderMap::new();
        Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers)))
    }
}

impl<Held: Unpin> http_body::Body for Answer<Held> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = Pin::new(&mut self.upstream).poll_frame(context) else {
            let status = ready!(self.watch.poll_over(context));
            return Poll::Ready(self.end(status));
        };
        self.watch.mark();
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_trailers() {
                Ok(mut trailers) => {
                    self.over = true;
                    keep_metadata(&mut trailers);
                    Frame::trailers(trailers)
                }
                Err(frame) => frame,
            })),
            Some(Err(error)) => {
                self.watch.tally.failed();
                let status = self.watch.blame(broken(error));
                self.end(status)
            }
            None if self.trailers_only => {
                self.over = true;
                None
            }
            None => {
                self.watch.tally.failed();
                self.end(Status::internal("the server behind this proxy ended its answer without a status"))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.over || (self.trailers_only && self.upstream.is_end_stream())
    }
}
