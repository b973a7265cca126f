//! A log that goes on when its connection breaks: at the next byte, nothing lost, nothing twice.
//! Must not know: which transport carries it.

use std::time::Duration;

use futures::Stream;

use super::{
    LogChunk,
    log_place::{Heard, Place},
};
use crate::{
    client::{self, CallOptions, Client, logs::LogCall},
    error::{Error, ErrorKind},
    platform::{Instant, now, random_bytes, sleep},
    wire,
};

/// How often in a row a log may be taken up again without a byte of it: half a minute, with the waits between.
const ATTEMPTS: u32 = 10;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(4);

/// A log as it comes. Dropping it ends the call.
pub struct LogStream {
    client: Client,
    call: Option<LogCall>,
    place: Place,
    started: Instant,
    limit: Option<Duration>,
    /// Failures since the last byte.
    failures: u32,
    ended: bool,
}

impl LogStream {
    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<LogChunk, Error>> + Unpin + use<> {
        Box::pin(futures::stream::unfold(self, |mut log| async move { Some((log.next().await?, log)) }))
    }

    pub(super) async fn open(
        client: Client,
        request: wire::StreamLogsRequest,
        limit: Option<Duration>,
    ) -> Result<Self, Error> {
        let place = Place::new(request);
        let mut stream = Self { client, call: None, place, started: now(), limit, failures: 0, ended: false };
        while stream.call.is_none() {
            if let Err(error) = stream.connect().await {
                stream.recover(error).await?;
            }
        }
        Ok(stream)
    }

    /// The next piece; `None` at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<LogChunk, Error>> {
        while !self.ended {
            match self.step().await {
                Ok(Some(chunk)) => return Some(Ok(chunk)),
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    async fn step(&mut self) -> Result<Option<LogChunk>, Error> {
        let Some(call) = &mut self.call else {
            if let Err(error) = self.connect().await {
                self.recover(error).await?;
            }
            return Ok(None);
        };
        match call.output.next().await {
            Some(Ok(entry)) => match self.place.accept(entry)? {
                Heard::Chunk(chunk) => {
                    self.failures = 0;
                    Ok(Some(chunk))
                }
                Heard::Nothing => Ok(None),
                Heard::Trouble(error) => {
                    self.call = None;
                    self.recover(error).await?;
                    Ok(None)
                }
                Heard::SessionLost => {
                    self.call = None;
                    Ok(None)
                }
            },
            Some(Err(error)) => {
                self.call = None;
                self.recover(error).await?;
                Ok(None)
            }
            None => {
                self.call = None;
                self.ended = true;
                self.place.end().map(|()| None)
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let calls = CallOptions { timeout: self.limit.map(|limit| self.started.remaining(limit)) };
        self.call = Some(client::logs::open(&self.client, self.place.request(), &calls).await?);
        Ok(())
    }

    /// Waits before the next attempt; gives up with the error that it cannot help.
    async fn recover(&mut self, error: Error) -> Result<(), Error> {
        let passes = error.retryable()
            && [ErrorKind::SandboxUnavailable, ErrorKind::Network, ErrorKind::RateLimit]
                .iter()
                .any(|kind| error.kind().is(*kind));
        let left = self.limit.map(|limit| self.started.remaining(limit));
        self.failures += 1;
        if !passes || self.failures > ATTEMPTS || left.is_some_and(|left| left.is_zero()) {
            return Err(error);
        }
        // A connection that broke in the middle of a log is most often simply gone: the first attempt is at once.
        let backoff = match self.failures {
            1 => Duration::ZERO,
            more => (FIRST_DELAY * 2_u32.pow(more - 2)).min(MAX_DELAY).mul_f64(jitter()),
        };
        let delay = backoff.max(error.retry_delay().unwrap_or_default());
        if left.is_some_and(|left| delay >= left) {
            return Err(error);
        }
        if !delay.is_zero() {
            sleep(delay).await;
        }
        Ok(())
    }
}

/// Between a half and one, so that those who lost a server together do not come back together.
fn jitter() -> f64 {
    let [low, high] = random_bytes::<2>().unwrap_or([0, 128]);
    0.5 + f64::from(u16::from_le_bytes([low, high])) / f64::from(u16::MAX) / 2.0
}
