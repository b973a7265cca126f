//! How much may be under way on a socket: credits, in bytes, both ways.
//!
//! grpc-websockets has none, and a browser's WebSocket cannot be slowed down. A caller that can count says so with a
//! [`HEADER`] line among its metadata: how many bytes it takes before it has granted more. The answer's headers then say
//! the same for the way up. From there on each side grants by text messages, which grpc-websockets does not use: a
//! decimal number of further bytes. What counts are payload bytes: of binary messages, on the way up without their first
//! byte. A message may be sent while any credit is left. Everybody else sees grpc-websockets as it always was.
//! Must not know: sockets, what the bytes mean.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use tokio::sync::{Notify, Semaphore, mpsc};

/// Names the window, in metadata and in the answer's headers.
pub(super) const HEADER: &str = "x-jetway-window";
/// What is held of a caller's input before the call takes it.
pub(super) const UP: u32 = 256 * 1024;
/// Who asks for no more than this has a person before a terminal.
const INTERACTIVE: i64 = 256 * 1024;
/// More than this is no bound.
const DOWN_MAX: i64 = 64 << 20;

/// Takes the caller's window out of its metadata; `None` when it counts nothing.
pub(super) fn negotiate(metadata: &mut HeaderMap) -> Option<Down> {
    let asked = metadata.remove(HEADER)?.to_str().ok()?.parse::<i64>().ok()?;
    (asked > 0).then(|| Down::new(asked.min(DOWN_MAX)))
}

/// What may still be sent to the caller. Clones share.
#[derive(Clone)]
pub(super) struct Down(Arc<DownState>);

struct DownState {
    window: i64,
    room: AtomicI64,
    granted: Notify,
}

impl Down {
    fn new(window: i64) -> Self {
        Self(Arc::new(DownState { window, room: AtomicI64::new(window), granted: Notify::new() }))
    }

    /// Whether somebody sits there: little is to be under way, so that what is typed acts at once.
    pub fn is_interactive(&self) -> bool {
        self.0.window <= INTERACTIVE
    }

    /// Counts what was sent.
    pub fn sent(&self, bytes: usize) {
        self.0.room.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Reads a grant. What is none is none.
    pub fn grant(&self, text: &str) {
        let Some(more) = text.parse::<i64>().ok().filter(|more| (1..=DOWN_MAX).contains(more)) else { return };
        let capped = |room: i64| Some(room.saturating_add(more).min(DOWN_MAX));
        // Never refuses: the closure always gives a value.
        let _ = self.0.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, capped);
        self.0.granted.notify_one();
    }

    /// Resolves once something may be sent.
    pub async fn room(&self) {
        while self.0.room.load(Ordering::Relaxed) <= 0 {
            self.0.granted.notified().await;
        }
    }
}

/// The caller's input between the socket and the call: at most [`UP`] bytes and one message.
pub(super) fn up() -> (Intake, impl Stream<Item = Bytes> + Send, Owed) {
    let state = Arc::new(UpState { space: Semaphore::new(UP as usize), taken: AtomicU64::new(0), more: Notify::new() });
    let (queue, taken) = mpsc::unbounded_channel::<Bytes>();
    let output = stream::unfold((taken, Arc::clone(&state)), |(mut queue, state)| async move {
        let bytes = queue.recv().await?;
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        state.space.add_permits(cost(&bytes) as usize);
        if state.taken.fetch_add(len, Ordering::Relaxed) + len >= u64::from(UP / 4) {
            state.more.notify_one();
        }
        Some((bytes, (queue, state)))
    });
    (Intake { queue, state: Arc::clone(&state) }, output.fuse(), Owed(state))
}

struct UpState {
    space: Semaphore,
    /// What the call took and nobody was granted for yet.
    taken: AtomicU64,
    more: Notify,
}

/// Where the socket's input goes.
pub(super) struct Intake {
    queue: mpsc::UnboundedSender<Bytes>,
    state: Arc<UpState>,
}

impl Intake {
    /// Waits for space, which whoever keeps to its credit never has to. False when the call wants no more.
    pub async fn push(&self, bytes: Bytes) -> bool {
        tokio::select! {
            space = self.state.space.acquire_many(cost(&bytes)) => match space {
                Ok(space) => space.forget(),
                Err(_) => return false,
            },
            () = self.queue.closed() => return false,
        }
        self.queue.send(bytes).is_ok()
    }
}

/// One message may be larger than everything that there is space for.
fn cost(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(UP)
}

/// What the caller is to be granted for.
pub(super) struct Owed(Arc<UpState>);

impl Owed {
    /// Resolves with the next grant, once it is worth a message.
    pub async fn next(&self) -> u64 {
        loop {
            if self.0.taken.load(Ordering::Relaxed) >= u64::from(UP / 4) {
                return self.0.taken.swap(0, Ordering::Relaxed);
            }
            self.0.more.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_number_of_bytes_is_a_window() {
        for (text, counts) in [("1", true), ("99999999999", true), ("0", false), ("-1", false), ("many", false)] {
            let mut metadata = HeaderMap::from_iter(
                [(http::HeaderName::from_static(HEADER), text)]
                    .map(|(name, text)| (name, HeaderValue::from_static(text))),
            );
            assert_eq!(negotiate(&mut metadata).is_some(), counts, "{text}");
            assert!(metadata.is_empty(), "the call is not told");
        }
    }

    #[test]
    fn nothing_is_sent_without_credit_and_nonsense_grants_none() {
        let down = Down::new(10);
        assert!(down.room().now_or_never().is_some());
        down.sent(25);
        for text in ["", "x", "-5", "0", "99999999999999999999", "9223372036854775807"] {
            down.grant(text);
            assert!(down.room().now_or_never().is_none(), "{text:?}");
        }
        down.grant("15");
        assert!(down.room().now_or_never().is_none(), "exactly nothing is left");
        down.grant("1");
        assert!(down.room().now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_the_call_does_not_take_is_held_only_up_to_the_window() {
        let (intake, output, owed) = up();
        let message = Bytes::from(vec![7; 60_000]);
        let mut held = 0;
        while intake.push(message.clone()).now_or_never().is_some() {
            held += message.len();
        }
        assert!(held <= UP as usize && held > UP as usize / 2, "{held}");
        assert!(owed.next().now_or_never().is_none(), "nothing was taken yet");
        let mut output = std::pin::pin!(output);
        for _ in 0..2 {
            output.next().await.unwrap();
        }
        assert_eq!(owed.next().now_or_never(), Some(120_000));
        assert!(intake.push(message.clone()).now_or_never().is_some());
        // One that is larger than the window passes once there is nothing else.
        drop(intake);
        while output.next().await.is_some() {}
    }

    #[tokio::test]
    async fn a_call_that_is_over_holds_nobody_up() {
        let (intake, output, _owed) = up();
        for _ in 0..4 {
            assert!(intake.push(Bytes::from(vec![0; UP as usize / 4])).await);
        }
        let waiting = intake.push(Bytes::from_static(b"x"));
        drop(output);
        assert!(!waiting.await);
    }
}
