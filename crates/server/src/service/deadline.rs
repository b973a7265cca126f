//! The caller's deadline, from the `grpc-timeout` header. The server acts on it: a command that outlives it is killed.

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataMap;

use super::problem::Problem;

/// When a call must be over; `None` means whenever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// Reads a call's deadline. A header that is no timeout counts as none, as in other servers.
    pub fn of(metadata: &MetadataMap) -> Self {
        let timeout = metadata.get("grpc-timeout").and_then(|value| parse_timeout(value.to_str().ok()?));
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// No deadline.
    pub fn none() -> Self {
        Self(None)
    }

    /// Resolves when it is over; never without a deadline.
    pub async fn passed(self) {
        match self.0 {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Does `work` unless the deadline passes first; `what` says what was being done.
    pub async fn bound<T>(self, what: &str, work: impl Future<Output = T>) -> Result<T, Problem> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.passed() => Err(Problem::deadline(what)),
        }
    }
}

/// The gRPC specification's `TimeoutValue TimeoutUnit`: at most eight digits and one letter.
pub(crate) fn parse_timeout(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(value * 3600),
        'M' => Duration::from_secs(value * 60),
        'S' => Duration::from_secs(value),
        'm' => Duration::from_millis(value),
        'u' => Duration::from_micros(value),
        'n' => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_by_the_letter() {
        assert_eq!(parse_timeout("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("99999999S"), Some(Duration::from_secs(99_999_999)));
        for bad in ["", "S", "1", "123456789S", "-1S", "1x", "1.5S", "1é"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }
}
