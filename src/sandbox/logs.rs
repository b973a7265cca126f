//! What a sandbox's main command printed. Must not know: which transport carries it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{LogStream, Sandbox};
use crate::{
    error::{Error, ErrorKind},
    wire,
};

/// Which part of the log, and whether to go on with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOptions {
    /// Goes on until the main command ends. Otherwise: what there is now.
    pub follow: bool,
    /// Only so many of the last lines.
    pub tail_lines: Option<u32>,
    /// Only what was printed since then.
    pub since: Option<SystemTime>,
    /// Puts the time before each line (RFC 3339 and a space).
    pub timestamps: bool,
    /// Which container of the sandbox. Default: the primary one.
    pub container: Option<String>,
    /// Goes on after the last chunk of an earlier stream instead; `follow` alone applies then.
    pub resume: Option<LogPosition>,
    /// How long the stream may take. Default: for ever.
    pub timeout: Option<Duration>,
}

impl LogOptions {
    /// Sets whether to go on until the main command ends.
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Asks for only so many of the last lines.
    pub fn tail_lines(mut self, lines: u32) -> Self {
        self.tail_lines = Some(lines);
        self
    }

    /// Asks only for what was printed since then.
    pub fn since(mut self, since: SystemTime) -> Self {
        self.since = Some(since);
        self
    }

    /// Reads another container's log.
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Limits how long the stream may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets whether the time goes before each line.
    pub fn timestamps(mut self, timestamps: bool) -> Self {
        self.timestamps = timestamps;
        self
    }

    /// Goes on after an earlier stream.
    pub fn resume(mut self, position: LogPosition) -> Self {
        self.resume = Some(position);
        self
    }

    fn into_request(self, sandbox_id: String) -> Result<wire::StreamLogsRequest, Error> {
        let Self { follow, tail_lines, since, timestamps, container, resume, timeout: _ } = self;
        if let Some(LogPosition { session_id, offset }) = resume {
            if tail_lines.is_some() || since.is_some() || timestamps || container.is_some() {
                return Err(Error::invalid("resume", "keeps the first stream's options; give `follow` alone with it"));
            }
            return Ok(wire::StreamLogsRequest {
                sandbox_id,
                follow,
                resume_log_session_id: session_id,
                resume_log_offset: offset,
                ..Default::default()
            });
        }
        let tail_lines = match tail_lines {
            Some(0) => return Err(Error::invalid("tailLines", "must be at least 1; leave it out for all lines")),
            lines => i32::try_from(lines.unwrap_or(0)).map_err(|_| Error::invalid("tailLines", "is too large"))?,
        };
        let since_time = since.map(stamp).transpose()?;
        let container = container.unwrap_or_default();
        Ok(wire::StreamLogsRequest {
            sandbox_id,
            follow,
            tail_lines,
            since_time,
            container,
            timestamps,
            ..Default::default()
        })
    }
}

/// Where in a log a stream has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPosition {
    /// The server's name for the stream.
    pub session_id: String,
    /// Bytes of the stream that were received.
    pub offset: u64,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogChunk {
    /// The bytes.
    pub data: Bytes,
    /// When they were printed.
    pub timestamp: Option<SystemTime>,
    /// Where to go on after them.
    pub position: LogPosition,
}

impl Sandbox {
    /// Opens the log of its main command; works on a sandbox that has ended too. A connection that breaks is made again,
    /// and the log goes on at the byte after the last one.
    ///
    /// # Errors
    /// Validation, naming the option; sandbox not found; as any call.
    pub async fn logs(&self, options: LogOptions) -> Result<LogStream, Error> {
        let timeout = options.timeout;
        let request = options.into_request(self.start().await?)?;
        if self.status().is_starting() && !self.client().waits_for_start() {
            self.wait(None).await?;
        }
        LogStream::open(self.client().clone(), request, timeout).await
    }
}

pub(super) fn reported(error: wire::LogStreamError) -> Error {
    let kind = match error.code.as_str() {
        "RUNNER_UNAVAILABLE" | "RUNNER_DRAINING" | "STREAM_INTERRUPTED" => ErrorKind::SandboxUnavailable,
        "INVALID_RESUME_OFFSET" => ErrorKind::SandboxValidation,
        "SANDBOX_NOT_FOUND" => ErrorKind::SandboxNotFound,
        "PERMISSION_DENIED" => ErrorKind::Authentication,
        "STREAM_TRUNCATED" => ErrorKind::StreamTruncated,
        _ => ErrorKind::Sandbox,
    };
    let message = match error.message.is_empty() {
        true => "the log cannot be followed further".to_owned(),
        false => error.message,
    };
    Error::new(kind, message).with_reason(error.code)
}

fn stamp(time: SystemTime) -> Result<prost_types::Timestamp, Error> {
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| Error::invalid("since", "must not be before 1970"))?;
    let seconds = i64::try_from(since.as_secs()).map_err(|_| Error::invalid("since", "is too far in the future"))?;
    Ok(prost_types::Timestamp { seconds, nanos: since.subsec_nanos() as i32 })
}

#[cfg(test)]
mod tests {
    use super::{LogOptions, LogPosition, reported};
    use crate::{error::ErrorKind, wire};

    #[test]
    fn a_resumed_stream_has_its_position_and_no_other_option() {
        let position = LogPosition { session_id: "s".into(), offset: 7 };
        let request = LogOptions::default().follow(true).resume(position.clone()).into_request("sb".into()).unwrap();
        assert_eq!((request.resume_log_session_id.as_str(), request.resume_log_offset), ("s", 7));
        let error = LogOptions::default().resume(position).tail_lines(3).into_request("sb".into()).unwrap_err();
        assert_eq!(error.field_violations()[0].field, "resume");
        let error = LogOptions::default().tail_lines(0).into_request("sb".into()).unwrap_err();
        assert_eq!(error.field_violations()[0].field, "tailLines");
    }

    #[test]
    fn reported_errors_are_typed_by_their_code() {
        let kind = |code: &str| {
            let error = reported(wire::LogStreamError { message: "m".into(), code: code.into() });
            assert_eq!(error.reason(), Some(code));
            error.kind()
        };
        assert_eq!(kind("STREAM_INTERRUPTED"), ErrorKind::SandboxUnavailable);
        assert_eq!(kind("SESSION_NOT_FOUND"), ErrorKind::Sandbox);
        assert_eq!(kind("INVALID_RESUME_OFFSET"), ErrorKind::SandboxValidation);
    }
}
