//! The one error type of the client, and the one table of its kinds.
//! Must not know: transports, sandboxes, JavaScript.

mod context;
mod details;
mod failure;
mod kind;
mod reason;
mod status;
mod violation;

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc, time::Duration};

pub use context::{CallContext, Operation};
pub use failure::Diagnosis;
pub use kind::{ErrorKind, KindInfo};
pub use reason::{REASONS, ReasonInfo};
pub use violation::FieldViolation;

/// The domain under which a server's reasons are trusted. Others are shown, never interpreted.
pub const ERROR_DOMAIN: &str = "cwsandbox.com";

/// Why a call failed: what happened, to what, and what to do about it.
///
/// Cheap to clone. Carries no secret.
#[derive(Clone)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    reason: Option<String>,
    domain: Option<String>,
    metadata: BTreeMap<String, String>,
    retry_delay: Option<Duration>,
    grpc_code: Option<tonic::Code>,
    operation: Option<&'static str>,
    sandbox_id: Option<String>,
    hint: Option<String>,
    field_violations: Vec<FieldViolation>,
    payload: Option<Arc<dyn Any + Send + Sync>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                reason: None,
                domain: None,
                metadata: BTreeMap::new(),
                retry_delay: None,
                grpc_code: None,
                operation: None,
                sandbox_id: None,
                hint: None,
                field_violations: Vec::new(),
                payload: None,
                source: None,
            }),
        }
    }

    /// Input that cannot be sent: names the field and the fix. `field` is spelt as in the public API (`cwd`, `baseUrl`).
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        let violation = FieldViolation { field: field.into(), description: description.into() };
        let message = format!("{}: {}", violation.field, violation.description);
        let mut error = Self::new(ErrorKind::Validation, message);
        error.inner.field_violations.push(violation);
        error
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The stable snake_case code of its kind.
    pub fn code(&self) -> &'static str {
        self.inner.kind.info().code
    }

    /// What happened, in words for people.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The server's machine-readable reason, e.g. `CWSANDBOX_FILE_NOT_FOUND`, or the code of an in-stream error.
    pub fn reason(&self) -> Option<&str> {
        self.inner.reason.as_deref()
    }

    /// Who gave the reason.
    pub fn domain(&self) -> Option<&str> {
        self.inner.domain.as_deref()
    }

    /// Facts that came with the reason.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.inner.metadata
    }

    /// How long the server asks to wait before the same call.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.inner.retry_delay
    }

    /// Whether the same call may succeed later without any change. A fact about the failure, not about the call: a call
    /// that is not idempotent may have had its effect.
    pub fn retryable(&self) -> bool {
        self.inner.kind.info().retryable && self.is_transient_network()
    }

    /// The gRPC code, where a gRPC status was the cause.
    pub fn grpc_code(&self) -> Option<tonic::Code> {
        self.inner.grpc_code
    }

    /// The rpc or step that failed, e.g. `StreamExec`.
    pub fn operation(&self) -> Option<&str> {
        self.inner.operation
    }

    /// The sandbox it concerns.
    pub fn sandbox_id(&self) -> Option<&str> {
        self.inner.sandbox_id.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref().or(self.inner.kind.info().hint)
    }

    /// Which fields of the input are wrong, and why.
    pub fn field_violations(&self) -> &[FieldViolation] {
        &self.inner.field_violations
    }

    /// A value that travels with the error, e.g. the result of the process that failed its check.
    pub fn payload<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.inner.payload.as_deref()?.downcast_ref()
    }

    /// The same failure under another kind.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.inner.kind = kind;
        self
    }

    pub(crate) fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.inner.reason = Some(reason.into()).filter(|reason| !reason.is_empty());
        self
    }

    pub(crate) fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner.metadata.insert(key.into(), value.into());
        self
    }

    pub(crate) fn with_grpc_code(mut self, code: tonic::Code) -> Self {
        self.inner.grpc_code = Some(code);
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_payload<T: Any + Send + Sync>(mut self, payload: T) -> Self {
        self.inner.payload = Some(Arc::new(payload));
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner.source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_sandbox_id(mut self, id: impl Into<String>) -> Self {
        self.inner.sandbox_id = Some(id.into()).filter(|id| !id.is_empty());
        self
    }

    /// Says which call failed, unless a deeper layer already did.
    pub(crate) fn in_call(mut self, context: &CallContext) -> Self {
        self.inner.operation.get_or_insert(context.operation.name());
        if self.inner.sandbox_id.is_none() {
            self.inner.sandbox_id.clone_from(&context.sandbox_id);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        if let Some(reason) = &self.inner.reason {
            write!(f, " [{reason}]")?;
        }
        if let Some(id) = self.inner.sandbox_id.as_deref().filter(|id| !self.inner.message.contains(*id)) {
            write!(f, " (sandbox {id})")?;
        }
        match self.hint() {
            Some(hint) => write!(f, ". {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, reason, metadata, grpc_code, operation, sandbox_id, source, .. } = &*self.inner;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("message", message)
            .field("reason", reason)
            .field("metadata", metadata)
            .field("grpc_code", grpc_code)
            .field("operation", operation)
            .field("sandbox_id", sandbox_id)
            .field("source", &source.as_ref().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

/// For readers and writers, whose errors are these: the error itself is inside.
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
