//! Where a process's output goes: to a reader that holds it up, into a bounded buffer, or nowhere.
//! Must not know: the wire.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, SinkExt, Stream, channel::mpsc};

use super::{MiddleBuffer, OutputStream, handle::Ending, handle::KillGuard};
use crate::error::Error;

/// Messages that wait for a slow reader before the sandbox's pipe does.
const QUEUE: usize = 4;

/// stdout and stderr of one process.
pub(super) struct Outputs {
    stdout: Mutex<Sink>,
    stderr: Mutex<Sink>,
}

enum Sink {
    /// Nobody reads: collected for the result.
    Collect(MiddleBuffer),
    /// Somebody reads.
    Stream(mpsc::Sender<Bytes>),
    /// Somebody read and stopped.
    Discard,
}

impl Outputs {
    pub(super) fn new(max_buffer_bytes: usize) -> Self {
        let sink = || Mutex::new(Sink::Collect(MiddleBuffer::new(max_buffer_bytes)));
        Self { stdout: sink(), stderr: sink() }
    }

    /// Hands output on; waits for its reader, if there is one.
    pub(super) async fn deliver(&self, stream: OutputStream, data: Bytes) {
        let mut reader = match &mut *self.lock(stream) {
            Sink::Collect(buffer) => return buffer.push(data),
            Sink::Discard => return,
            Sink::Stream(reader) => reader.clone(),
        };
        if reader.send(data).await.is_err() {
            *self.lock(stream) = Sink::Discard;
        }
    }

    /// Nothing more comes. Gives what was collected and whether some of it was dropped.
    pub(super) fn end(&self, stream: OutputStream) -> (Bytes, bool) {
        let mut sink = self.lock(stream);
        match &mut *sink {
            Sink::Collect(buffer) => {
                let dropped = buffer.dropped() > 0;
                let all = buffer.clone().into_bytes();
                // Kept as well, for a reader that comes only now.
                let mut whole = MiddleBuffer::new(usize::MAX);
                whole.push(all.clone());
                *buffer = whole;
                (all, dropped)
            }
            Sink::Stream(_) | Sink::Discard => {
                *sink = Sink::Discard;
                (Bytes::new(), false)
            }
        }
    }

    /// A reader of what was and will be printed. `None` when there is or was one already.
    pub(super) fn read(&self, stream: OutputStream, ending: Ending, guard: Arc<KillGuard>) -> Option<ProcessOutput> {
        let mut sink = self.lock(stream);
        let (sender, receiver) = mpsc::channel(QUEUE);
        // After the end nobody sends: a sender that is dropped ends the reader where it should.
        let next = if ending.peek().is_some() { Sink::Discard } else { Sink::Stream(sender) };
        match std::mem::replace(&mut *sink, next) {
            Sink::Collect(buffer) => Some(ProcessOutput {
                rest: Bytes::new(),
                collected: buffer.into_pieces().filter(|piece| !piece.is_empty()).collect(),
                live: receiver,
                ending: Some(ending),
                failure: None,
                _guard: guard,
            }),
            taken => {
                *sink = taken;
                None
            }
        }
    }

    fn lock(&self, stream: OutputStream) -> std::sync::MutexGuard<'_, Sink> {
        let sink = match stream {
            OutputStream::Stdout => &self.stdout,
            OutputStream::Stderr => &self.stderr,
        };
        sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live output of a process. Held and not read, it holds up the process; dropped, the rest is discarded.
///
/// Ends with the process. A process that did not end well gives its error last. A [`Stream`] of what came, and an
/// [`AsyncRead`](futures::AsyncRead) of the same bytes.
pub struct ProcessOutput {
    /// What a reader has left of the last piece.
    pub(super) rest: Bytes,
    collected: VecDeque<Bytes>,
    live: mpsc::Receiver<Bytes>,
    ending: Option<Ending>,
    failure: Option<Error>,
    _guard: Arc<KillGuard>,
}

impl Stream for ProcessOutput {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut this.rest))));
        }
        if let Some(piece) = this.collected.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        if let Poll::Ready(Some(data)) = Pin::new(&mut this.live).poll_next(cx) {
            return Poll::Ready(Some(Ok(data)));
        }
        // Polled also for its own sake: where no background task drives the process, its reader does.
        if let Some(ending) = &mut this.ending {
            match ending.poll_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(end) => this.failure = end.err(),
            }
            this.ending = None;
        }
        // After the end everything there is lies in the queue.
        match Pin::new(&mut this.live).poll_next(cx) {
            Poll::Ready(Some(data)) => Poll::Ready(Some(Ok(data))),
            Poll::Ready(None) | Poll::Pending => Poll::Ready(this.failure.take().map(Err)),
        }
    }
}
