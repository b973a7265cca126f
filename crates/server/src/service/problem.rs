//! Every refusal of the services: a code, a stable reason, words that say what to do, and the details that clients
//! read. One place, so that an error looks the same whichever call it leaves.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{
    images::ImageError,
    runtime::{FileError, RuntimeError},
    store::StoreError,
    supervisor::{CreateError, FreezeError, NotRunning, Sandbox, SessionError},
};

/// The domain that clients trust reasons from.
const DOMAIN: &str = "cwsandbox.com";

/// A refusal on its way out. Boxed: results that carry it stay small.
#[derive(Debug)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: HashMap<String, String>,
    violations: Vec<FieldViolation>,
    retry: Option<Duration>,
}

impl Problem {
    /// A refusal with its stable reason.
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Parts { code, reason, message, metadata: HashMap::new(), violations: Vec::new(), retry: None }))
    }

    /// Adds a fact that programs read.
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.0.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// What kind of refusal it is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Its stable reason.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// When the same call may work.
    pub fn retry(&self) -> Option<Duration> {
        self.0.retry
    }

    /// Says that the same call may work later.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry = Some(delay);
        self
    }

    /// One field is wrong.
    pub fn field(field: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::fields(vec![FieldViolation::new(field, fix)])
    }

    /// Fields are wrong; the text names them all.
    pub fn fields(violations: Vec<FieldViolation>) -> Self {
        let said: Vec<_> = violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
        let mut problem = Self::new(Code::InvalidArgument, "CWSANDBOX_INVALID_REQUEST", said.join("; "));
        problem.0.violations = violations;
        problem
    }

    /// No sandbox with that id.
    pub fn sandbox_not_found(id: &str) -> Self {
        let text = format!("there is no sandbox {id:?}; it was never created here, or was forgotten after it ended");
        Self::new(Code::NotFound, "CWSANDBOX_SANDBOX_NOT_FOUND", text).with("sandbox_id", id)
    }

    /// The sandbox is past use.
    pub fn not_running(sandbox: &Sandbox, state: &NotRunning) -> Self {
        let id = &sandbox.draft.id;
        let name = state.state.name().to_uppercase();
        let why = if state.reason.is_empty() { String::new() } else { format!(" ({})", state.reason) };
        let text = format!("sandbox {id} is {name}{why}; create a new one");
        Self::new(Code::FailedPrecondition, "CWSANDBOX_SANDBOX_NOT_RUNNING", text)
            .with("sandbox_id", id)
            .with("state", name)
    }

    /// The wire has it, this server does not.
    pub fn not_implemented(what: impl Into<String>) -> Self {
        Self::new(Code::Unimplemented, "CWSANDBOX_NOT_IMPLEMENTED", what)
    }

    /// Part of a specification that this server cannot honour.
    pub fn cannot_honour(field: &str, fix: &str) -> Self {
        let mut problem =
            Self::not_implemented(format!("{field}: this server does not offer it yet; {fix}")).with("field", field);
        problem.0.violations = vec![FieldViolation::new(field, fix)];
        problem
    }

    /// Parts that this server cannot honour; the text names them all.
    pub fn unsupported_fields(violations: Vec<FieldViolation>) -> Self {
        let said: Vec<_> =
            violations.iter().map(|v| format!("{}: not offered here; {}", v.field, v.description)).collect();
        let mut problem = Self::not_implemented(said.join("; "));
        problem.0.violations = violations;
        problem
    }

    /// The caller's deadline passed before its command ended; the command was killed.
    pub fn command_timeout() -> Self {
        let text = "the command was killed: it still ran when the call's deadline passed";
        Self::new(Code::DeadlineExceeded, "CWSANDBOX_COMMAND_TIMEOUT", text)
    }

    /// The caller's deadline passed while the server was at `what`.
    pub fn deadline(what: &str) -> Self {
        let text = format!("the call's deadline passed while {what}");
        Self::new(Code::DeadlineExceeded, "CWSANDBOX_DEADLINE_EXCEEDED", text)
    }

    /// A runtime's refusal, for the sandbox it concerns.
    pub fn runtime(sandbox: &Sandbox, error: RuntimeError) -> Self {
        let text = error.to_string();
        match error {
            RuntimeError::ContainerNotFound(_) => Self::field("container", text),
            RuntimeError::Gone(_) => Self::new(Code::FailedPrecondition, "CWSANDBOX_SANDBOX_NOT_RUNNING", text),
            RuntimeError::ImageNotFound(_) => Self::image_not_found(text),
            RuntimeError::Image(error) => Self::image(&error),
            RuntimeError::Unenforceable(_) => Self::unenforceable(text),
            RuntimeError::Unsupported(_) => Self::new(Code::FailedPrecondition, "CWSANDBOX_NO_SUITABLE_RUNNER", text),
            RuntimeError::Io { source, .. } if is_overload(&source) => {
                let text = format!("{text}; this machine is short of something, try again");
                Self::new(Code::Unavailable, "CWSANDBOX_RUNNER_OVERLOADED", text).retry_after(Duration::from_secs(1))
            }
            RuntimeError::Io { .. } => Self::new(Code::Internal, "CWSANDBOX_BACKEND_FAILED", text),
        }
        .with("sandbox_id", &sandbox.draft.id)
    }

    /// No such image; the text says how to get it.
    pub fn image_not_found(text: impl Into<String>) -> Self {
        Self::new(Code::NotFound, "CWSANDBOX_IMAGE_NOT_FOUND", text)
    }

    /// An image that is somewhere and cannot be had.
    pub fn image(error: &ImageError) -> Self {
        let text = error.to_string();
        match error {
            ImageError::Missing(_) | ImageError::NotFound { .. } | ImageError::Name { .. } => {
                Self::image_not_found(text)
            }
            ImageError::Denied { .. } => Self::new(Code::FailedPrecondition, "CWSANDBOX_IMAGE_PULL_DENIED", text),
            ImageError::Unreachable { .. } => Self::new(Code::Unavailable, "CWSANDBOX_IMAGE_PULL_FAILED", text),
            ImageError::Digest { .. }
            | ImageError::TooLarge { .. }
            | ImageError::Hostile { .. }
            | ImageError::Unsupported(_) => Self::new(Code::FailedPrecondition, "CWSANDBOX_IMAGE_REFUSED", text),
            ImageError::InUse(_) | ImageError::Io { .. } => Self::new(Code::Internal, "CWSANDBOX_BACKEND_FAILED", text),
        }
    }

    /// A limit that this machine cannot hold.
    pub fn unenforceable(text: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, "CWSANDBOX_LIMIT_NOT_ENFORCEABLE", text)
    }

    /// A file call's failure; `path` is the path as asked for.
    pub fn file(path: &str, error: FileError) -> Self {
        let text = error.to_string();
        let (code, reason) = match error {
            FileError::NotFound(_) => (Code::NotFound, "CWSANDBOX_FILE_NOT_FOUND"),
            FileError::IsDirectory(_) => (Code::FailedPrecondition, "CWSANDBOX_FILE_IS_DIRECTORY"),
            FileError::PermissionDenied(_) => (Code::PermissionDenied, "CWSANDBOX_FILE_PERMISSION_DENIED"),
            FileError::Io { .. } => (Code::Internal, "CWSANDBOX_FILE_IO_FAILED"),
            FileError::Gone(_) => (Code::FailedPrecondition, "CWSANDBOX_SANDBOX_NOT_RUNNING"),
        };
        Self::new(code, reason, text).with("filepath", path)
    }

    /// The server's own machine failed while it was at `what`.
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        Self::new(Code::Internal, "CWSANDBOX_BACKEND_FAILED", format!("{what} failed: {error}"))
    }

    /// The database has something that this version cannot read.
    pub fn unreadable(what: &str, error: &prost::DecodeError) -> Self {
        Self::new(
            Code::DataLoss,
            "CWSANDBOX_BACKEND_FAILED",
            format!("{what} in the state database is broken: {error}"),
        )
    }

    /// A request id was used before, for something else.
    pub fn request_id_conflict(id: &str, what: &str) -> Self {
        let text = format!("request id {id:?} was already used for {what} with other contents; use a new request id");
        Self::new(Code::AlreadyExists, "CWSANDBOX_REQUEST_ID_CONFLICT", text)
    }

    /// A file over the cap of the unary calls.
    pub fn file_too_large(path: &str, operation: &str, size: u64, cap: u64) -> Self {
        let text =
            format!("{path} has {size} bytes, one {operation} call carries at most {cap}; stream it through exec");
        Self::new(Code::ResourceExhausted, "CWSANDBOX_FILE_TOO_LARGE", text)
            .with("filepath", path)
            .with("operation", operation)
            .with("size_bytes", size)
            .with("max_size_bytes", cap)
    }
}

/// Out of descriptors, processes or memory: what passes by itself.
fn is_overload(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{OutOfMemory, QuotaExceeded, ResourceBusy, WouldBlock};
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.kind(), OutOfMemory | QuotaExceeded | ResourceBusy | WouldBlock)
        || matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        let text = error.to_string();
        match error {
            CreateError::RequestIdConflict(_) => {
                Self::new(Code::AlreadyExists, "CWSANDBOX_REQUEST_ID_CONFLICT", format!("{text}; use a new request id"))
            }
            CreateError::Full(_) => Self::new(
                Code::ResourceExhausted,
                "CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED",
                format!("{text}; stop some and try again"),
            )
            .retry_after(Duration::from_secs(1)),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(Code::Unavailable, "CWSANDBOX_BACKEND_UNAVAILABLE", error.to_string())
            .retry_after(Duration::from_secs(1))
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        let text = error.to_string();
        match error {
            SessionError::NotFound(id) => {
                Self::new(Code::NotFound, "CWSANDBOX_SESSION_NOT_FOUND", text).with("session_id", id)
            }
            SessionError::State { id, state, .. } => {
                Self::new(Code::FailedPrecondition, "CWSANDBOX_SESSION_STATE", text)
                    .with("session_id", id)
                    .with("state", state.name())
            }
            SessionError::RequestIdConflict(_) => {
                Self::new(Code::AlreadyExists, "CWSANDBOX_REQUEST_ID_CONFLICT", format!("{text}; use a new request id"))
            }
            SessionError::Workspace(_) => Self::new(Code::Internal, "CWSANDBOX_FSS_CREATE_FAILED", text),
            SessionError::Freeze(FreezeError::NotRunning(_)) => {
                Self::new(Code::FailedPrecondition, "CWSANDBOX_SANDBOX_NOT_RUNNING", text)
            }
            SessionError::Freeze(FreezeError::Runtime(_)) => {
                Self::new(Code::Internal, "CWSANDBOX_BACKEND_FAILED", text)
            }
            SessionError::Store(error) => error.into(),
        }
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let Parts { code, reason, message, metadata, violations, retry } = *problem.0;
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        if !violations.is_empty() {
            details.set_bad_request(violations);
        }
        if retry.is_some() {
            details.set_retry_info(retry);
        }
        Self::with_error_details(code, message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_carries_reason_domain_fields_and_retry() {
        let problem = Problem::field("sandbox.name", "must not be empty").retry_after(Duration::from_secs(2));
        let status = Status::from(problem.with("k", "v"));
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("CWSANDBOX_INVALID_REQUEST", DOMAIN));
        assert_eq!(info.metadata["k"], "v");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "sandbox.name");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(2)));
    }
}
