//! What running code gave, as values. Must not know: how it arrived.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::protocol::Received;
use crate::error::{Error, ErrorKind};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunStatus {
    /// To its end.
    Ok,
    /// By an exception, or it could not be compiled.
    Error,
    /// By an interrupt.
    Interrupted,
    /// By its time limit.
    Timeout,
    /// With its interpreter: whatever it knew is gone.
    Exited,
}

/// An exception of the code: data, not a failure of the call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct CodeError {
    /// Its class, such as `ZeroDivisionError`.
    pub name: String,
    /// Its message.
    pub value: String,
    /// Where it came from, for people.
    pub traceback: String,
}

/// A value that was shown, in as many forms as it has.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct CodeResult {
    /// Whether it is the value of the last expression; otherwise it was displayed on the way.
    pub is_value: bool,
    /// Its textual forms by MIME type, such as `text/plain` and `text/html`; a JSON value for `application/json`.
    pub data: BTreeMap<String, Value>,
    /// Its binary forms by MIME type, such as `image/png`.
    pub binary: BTreeMap<String, Bytes>,
    /// What its maker says about the forms.
    pub metadata: Map<String, Value>,
}

impl CodeResult {
    /// One of its textual forms.
    pub fn text(&self, mime: &str) -> Option<&str> {
        self.data.get(mime)?.as_str()
    }

    pub(super) fn read(event: Received) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            result: bool,
            data: BTreeMap<String, Value>,
            #[serde(default)]
            metadata: Map<String, Value>,
        }
        let Head { result, data, metadata } = read(&event.body)?;
        Ok(Self { is_value: result, data, metadata, binary: event.parts.into_iter().collect() })
    }
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Execution {
    /// What it printed, its middle dropped beyond 64 MiB.
    pub stdout: Bytes,
    /// What it printed to standard error, its middle dropped beyond 64 MiB.
    pub stderr: Bytes,
    /// What it showed, in order; its value last.
    pub results: Vec<CodeResult>,
    /// Its exception.
    pub error: Option<CodeError>,
    /// How it ended.
    pub status: RunStatus,
    /// How many runs the interpreter has counted with this one.
    pub execution_count: u64,
    /// How long the code ran, as measured beside it.
    pub duration: Duration,
    /// Whether the state of earlier calls was lost, before this call or by it.
    pub restarted: bool,
    /// Whether output is missing: dropped here, or by the driver while nobody was attached.
    pub truncated: bool,
}

impl Execution {
    /// What it printed, as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it printed to standard error, as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The value of its last expression as text.
    pub fn text(&self) -> Option<&str> {
        self.results.iter().rfind(|result| result.is_value)?.text("text/plain")
    }
}

/// How a run ended, in the driver's words.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Done {
    pub(super) status: RunStatus,
    pub(super) execution_count: u64,
    pub(super) duration_ms: f64,
    #[serde(default)]
    pub(super) restarted: bool,
}

/// Reads JSON of a driver.
pub(super) fn read<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|cause| {
        Error::new(ErrorKind::Protocol, "the driver of the code context sent what cannot be read").with_source(cause)
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{CodeResult, Done, RunStatus, read};
    use crate::code::protocol::{CallId, EventKind, Received};

    #[test]
    fn a_result_has_its_forms_by_type() {
        let body =
            Bytes::from_static(br#"{"result":true,"data":{"text/plain":"x","application/json":[1]},"metadata":{}}"#);
        let parts = vec![("image/png".to_owned(), Bytes::from_static(b"\x89PNG"))];
        let result = CodeResult::read(Received { call: CallId(1), kind: EventKind::Display, body, parts }).unwrap();
        assert!(result.is_value);
        assert_eq!(result.text("text/plain"), Some("x"));
        assert_eq!(result.data["application/json"][0], 1);
        assert_eq!(&result.binary["image/png"][..], b"\x89PNG");
    }

    #[test]
    fn an_end_is_read_and_what_is_none_is_a_protocol_error() {
        let done: Done = read(br#"{"status":"timeout","executionCount":3,"durationMs":1.5,"restarted":true}"#).unwrap();
        assert_eq!((done.status, done.execution_count, done.restarted), (RunStatus::Timeout, 3, true));
        assert!(read::<Done>(b"{}").is_err());
    }
}
