//! Where in a log a stream has come, and how to ask for what follows. Pure: entries in, pieces out.
//! Must not know: calls, time.

use bytes::{Buf, Bytes};

use super::{LogChunk, LogPosition, info::time, logs::reported};
use crate::{
    error::{Error, ErrorKind},
    wire,
};

/// What an entry meant.
pub(super) enum Heard {
    /// Bytes that are new.
    Chunk(LogChunk),
    /// Nothing new.
    Nothing,
    /// The server cannot go on; asking again may help.
    Trouble(Error),
    /// The server forgot the session; the next request begins another and leaves out what is here already.
    SessionLost,
}

/// The state of one log.
pub(super) struct Place {
    first: wire::StreamLogsRequest,
    position: Option<LogPosition>,
    /// Bytes that were handed on.
    received: u64,
    /// Bytes of a new session that were handed on before.
    skip: u64,
    /// Whether the last request asked for what follows `position`, and no entry came since.
    resumed: bool,
    /// Whether offsets count bytes, as far as was seen. Only then is an entry's beginning known.
    counts_bytes: bool,
}

impl Place {
    pub(super) fn new(first: wire::StreamLogsRequest) -> Self {
        Self { first, position: None, received: 0, skip: 0, resumed: false, counts_bytes: true }
    }

    /// What to ask the server for now.
    pub(super) fn request(&mut self) -> wire::StreamLogsRequest {
        let Some(LogPosition { session_id, offset }) = self.position.clone() else { return self.first.clone() };
        self.resumed = true;
        wire::StreamLogsRequest {
            sandbox_id: self.first.sandbox_id.clone(),
            follow: self.first.follow,
            resume_log_session_id: session_id,
            resume_log_offset: offset,
            ..Default::default()
        }
    }

    /// Takes an entry.
    ///
    /// # Errors
    /// What the server reports and asking again does not help; stream truncated, when bytes are missing.
    pub(super) fn accept(&mut self, entry: wire::LogEntry) -> Result<Heard, Error> {
        let wire::LogEntry { mut data, timestamp, log_session_id, next_log_offset, error } = entry;
        if let Some(error) = error {
            return self.trouble(reported(error));
        }
        self.check(&mut data, &log_session_id, next_log_offset)?;
        let position = LogPosition { session_id: log_session_id, offset: next_log_offset };
        self.position = Some(position.clone());
        let known = self.skip.min(data.len() as u64);
        self.skip -= known;
        data.advance(known as usize);
        self.received += data.len() as u64;
        if data.is_empty() {
            return Ok(Heard::Nothing);
        }
        Ok(Heard::Chunk(LogChunk { data, timestamp: timestamp.and_then(time), position }))
    }

    /// The server says that this was all.
    ///
    /// # Errors
    /// Stream truncated, when a new session was shorter than what was received before.
    pub(super) fn end(&self) -> Result<(), Error> {
        if self.skip == 0 {
            return Ok(());
        }
        Err(truncated(format!("the log is {} bytes shorter than what was received of it before", self.skip)))
    }

    /// Compares where the entry begins with where the last one ended.
    fn check(&mut self, data: &mut Bytes, session_id: &str, next: u64) -> Result<(), Error> {
        let resumed = std::mem::take(&mut self.resumed);
        let Some(at) = self.position.as_ref().filter(|at| at.session_id == session_id) else { return Ok(()) };
        let len = data.len() as u64;
        if next.checked_sub(len) == Some(at.offset) {
            return Ok(());
        }
        if !resumed || !self.counts_bytes {
            self.counts_bytes = false;
            return Ok(());
        }
        let begins = next.saturating_sub(len);
        if begins > at.offset {
            let lost = begins - at.offset;
            return Err(truncated(format!("{lost} bytes of the log were lost while its connection was broken")));
        }
        data.advance((at.offset - begins).min(len) as usize);
        Ok(())
    }

    fn trouble(&mut self, error: Error) -> Result<Heard, Error> {
        let forgotten = matches!(error.reason(), Some("SESSION_NOT_FOUND" | "REPLAY_GAP"));
        if !forgotten {
            return match error.retryable() {
                true => Ok(Heard::Trouble(error)),
                false => Err(error),
            };
        }
        // A new session begins where the first one did only if that was not counted from the end, and was ours to begin.
        let repeatable = self.first.tail_lines == 0 && self.first.resume_log_session_id.is_empty();
        if self.position.is_none() || !repeatable {
            return Err(error);
        }
        self.position = None;
        self.skip = self.received;
        self.received = 0;
        Ok(Heard::SessionLost)
    }
}

fn truncated(message: String) -> Error {
    Error::new(ErrorKind::StreamTruncated, message).with_reason("LOG_GAP")
}

#[cfg(test)]
mod tests {
    use super::{Heard, Place};
    use crate::{error::ErrorKind, wire};

    fn entry(data: &str, session: &str, next: u64) -> wire::LogEntry {
        let data = data.to_owned().into();
        wire::LogEntry { data, log_session_id: session.into(), next_log_offset: next, ..Default::default() }
    }

    fn reported(code: &str) -> wire::LogEntry {
        let error = Some(wire::LogStreamError { message: "m".into(), code: code.into() });
        wire::LogEntry { error, ..Default::default() }
    }

    fn place() -> Place {
        Place::new(wire::StreamLogsRequest { sandbox_id: "sb".into(), follow: true, ..Default::default() })
    }

    fn data(heard: Heard) -> String {
        match heard {
            Heard::Chunk(chunk) => String::from_utf8(chunk.data.to_vec()).unwrap(),
            _ => String::new(),
        }
    }

    #[test]
    fn a_broken_stream_is_asked_for_the_next_byte() {
        let mut place = place();
        assert_eq!(place.request().resume_log_session_id, "");
        assert_eq!(data(place.accept(entry("abc", "s", 3)).unwrap()), "abc");
        let request = place.request();
        assert_eq!((request.resume_log_session_id.as_str(), request.resume_log_offset), ("s", 3));
        assert!(request.follow);
    }

    #[test]
    fn what_comes_twice_is_taken_once_and_a_gap_is_an_error() {
        let mut place = place();
        place.accept(entry("abc", "s", 3)).unwrap();
        place.request();
        assert_eq!(data(place.accept(entry("bcde", "s", 5)).unwrap()), "de");
        place.request();
        assert_eq!(data(place.accept(entry("de", "s", 5)).unwrap()), "");
        place.request();
        let error = place.accept(entry("h", "s", 8)).err().unwrap();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::StreamTruncated, Some("LOG_GAP")));
    }

    #[test]
    fn a_session_that_was_forgotten_is_begun_again_without_what_is_here() {
        let mut place = place();
        place.accept(entry("abcdef", "s", 6)).unwrap();
        place.request();
        assert!(matches!(place.accept(reported("SESSION_NOT_FOUND")).unwrap(), Heard::SessionLost));
        assert_eq!(place.request().resume_log_session_id, "");
        assert_eq!(data(place.accept(entry("abcd", "t", 4)).unwrap()), "");
        assert!(place.end().is_err());
        assert_eq!(data(place.accept(entry("efgh", "t", 8)).unwrap()), "gh");
        assert!(place.end().is_ok());
    }

    #[test]
    fn a_log_counted_from_its_end_cannot_be_begun_again() {
        let mut place = place();
        place.first.tail_lines = 3;
        place.accept(entry("abc", "s", 3)).unwrap();
        assert_eq!(place.accept(reported("REPLAY_GAP")).err().unwrap().reason(), Some("REPLAY_GAP"));
    }

    #[test]
    fn trouble_that_passes_is_told_from_trouble_that_stays() {
        let mut place = place();
        assert!(matches!(place.accept(reported("RUNNER_DRAINING")).unwrap(), Heard::Trouble(_)));
        assert!(place.accept(reported("PERMISSION_DENIED")).is_err());
    }

    #[test]
    fn offsets_that_count_something_else_are_only_handed_back() {
        let mut place = place();
        assert_eq!(data(place.accept(entry("abc", "s", 100)).unwrap()), "abc");
        assert_eq!(data(place.accept(entry("def", "s", 107)).unwrap()), "def");
        assert_eq!(place.request().resume_log_offset, 107);
        assert_eq!(data(place.accept(entry("ghi", "s", 150)).unwrap()), "ghi");
    }
}
