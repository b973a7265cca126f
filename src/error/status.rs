//! A gRPC status with its details, read as an [`Error`] in the context of its call.
//! Must not know: transports.

use std::time::Duration;

use tonic::{Code, Status};

use super::{
    CallContext, ERROR_DOMAIN, Error, ErrorKind, FieldViolation, ReasonInfo, context::Subject, details::Details,
};

/// Longer server-given delays are shown but never slept: they come from a clock or a unit gone wrong.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Error {
    /// Reads a status. An [`Error`] that one of our own layers put into tonic comes back as it was.
    pub fn from_status(status: &Status, context: &CallContext) -> Self {
        if let Some(error) = typed_source(status) {
            return error.clone().in_call(context);
        }
        let details = Details::decode(status.details());
        let mut error = Self::new(ErrorKind::Other, message_of(status, context)).with_grpc_code(status.code());
        if let Some(info) = details.error_info {
            error.inner.domain = Some(info.domain).filter(|domain| !domain.is_empty());
            error.inner.metadata.extend(info.metadata);
            error = error.with_reason(info.reason);
        }
        error.inner.retry_delay = details.retry_delay.filter(|delay| *delay <= MAX_RETRY_DELAY);
        let violations = details.field_violations.into_iter();
        error.inner.field_violations =
            violations.map(|it| FieldViolation { field: it.field, description: it.description }).collect();
        let trusted = error.domain() == Some(ERROR_DOMAIN);
        let row = error.reason().filter(|_| trusted).and_then(ReasonInfo::of);
        let by_reason = row.map(|row| row.kind);
        let kind = match by_reason {
            // A call that the server held until the start failed learns that instead of mere absence.
            Some(ErrorKind::SandboxNotRunning) if error.metadata().get("state").is_some_and(|it| it == "FAILED") => {
                ErrorKind::SandboxFailed
            }
            Some(kind) => kind,
            None => kind_of_code(status.code(), context),
        };
        let error = match row.and_then(|row| row.hint) {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        error.with_kind(kind).in_call(context)
    }

    /// Packs the error so that it survives a trip through tonic; [`Error::from_status`] unpacks it.
    pub fn into_status(self) -> Status {
        let code = self.grpc_code().unwrap_or(Code::Unknown);
        let mut status = Status::new(code, self.message().to_owned());
        status.set_source(std::sync::Arc::new(self));
        status
    }
}

/// Finds our own error below a status, however deep tonic wrapped it.
fn typed_source(status: &Status) -> Option<&Error> {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if let Some(typed) = error.downcast_ref::<Error>() {
            return Some(typed);
        }
        source = match error.downcast_ref::<Status>() {
            Some(inner) => return typed_source(inner),
            None => error.source(),
        };
    }
    None
}

fn message_of(status: &Status, context: &CallContext) -> String {
    match status.message() {
        "" => format!("{} failed with {:?}", context.operation.name(), status.code()),
        message => message.to_owned(),
    }
}

/// What a bare code means to a call.
fn kind_of_code(code: Code, context: &CallContext) -> ErrorKind {
    let subject = context.operation.subject();
    match code {
        Code::Unauthenticated | Code::PermissionDenied => ErrorKind::Authentication,
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::SandboxValidation,
        Code::NotFound => match subject {
            Subject::Collection => ErrorKind::Sandbox,
            Subject::Runner => ErrorKind::RunnerNotFound,
            Subject::Template => ErrorKind::TemplateNotFound,
            Subject::SecretStore => ErrorKind::SecretStoreNotFound,
            Subject::Snapshot => ErrorKind::SnapshotNotFound,
            Subject::Volume => ErrorKind::VolumeNotFound,
            Subject::Sandbox | Subject::File => ErrorKind::SandboxNotFound,
        },
        Code::Cancelled => ErrorKind::SandboxNotRunning,
        Code::FailedPrecondition if matches!(subject, Subject::Sandbox | Subject::File) => ErrorKind::SandboxNotRunning,
        // The deadline of an exec stream is the command's own timeout: the wire has no other field for it.
        Code::DeadlineExceeded
            if matches!(context.operation, super::Operation::StreamExec | super::Operation::AttachTerminal) =>
        {
            ErrorKind::SandboxCommandTimeout
        }
        Code::DeadlineExceeded => ErrorKind::SandboxRequestTimeout,
        Code::Unavailable => ErrorKind::SandboxUnavailable,
        Code::ResourceExhausted => ErrorKind::SandboxResourceExhausted,
        Code::Unimplemented => ErrorKind::NotSupported,
        _ if subject == Subject::Runner => ErrorKind::Discovery,
        _ => ErrorKind::Sandbox,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Duration};

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::super::{CallContext, Error, ErrorKind, Operation};

    fn get() -> CallContext {
        CallContext::on(Operation::GetSandbox, "sb-1")
    }

    fn with_reason(code: Code, domain: &str, reason: &str) -> Status {
        let metadata = HashMap::from([("filepath".to_owned(), "/a".to_owned())]);
        Status::with_error_details(code, "no", ErrorDetails::with_error_info(reason, domain, metadata))
    }

    #[test]
    fn a_bare_not_found_is_read_by_its_call() {
        let status = Status::not_found("nothing");
        let error = Error::from_status(&status, &get());
        assert_eq!(error.kind(), ErrorKind::SandboxNotFound);
        assert_eq!(error.sandbox_id(), Some("sb-1"));
        assert_eq!(error.operation(), Some("GetSandbox"));
        let error = Error::from_status(&status, &CallContext::new(Operation::CreateSandbox));
        assert_eq!(error.kind(), ErrorKind::Sandbox);
    }

    #[test]
    fn reasons_count_only_in_the_right_domain() {
        let context = CallContext::on(Operation::ReadFile, "sb-1");
        let trusted = with_reason(Code::NotFound, "cwsandbox.com", "CWSANDBOX_FILE_NOT_FOUND");
        let error = Error::from_status(&trusted, &context);
        assert_eq!(error.kind(), ErrorKind::SandboxFile);
        assert_eq!(error.metadata()["filepath"], "/a");
        let foreign = with_reason(Code::NotFound, "example.com", "CWSANDBOX_FILE_NOT_FOUND");
        let error = Error::from_status(&foreign, &context);
        assert_eq!(error.kind(), ErrorKind::SandboxNotFound);
        assert_eq!(error.reason(), Some("CWSANDBOX_FILE_NOT_FOUND"));
    }

    #[test]
    fn an_empty_reason_counts_as_absent() {
        let error = Error::from_status(&with_reason(Code::Unavailable, "cwsandbox.com", ""), &get());
        assert_eq!(error.reason(), None);
        assert_eq!(error.kind(), ErrorKind::SandboxUnavailable);
        assert!(error.retryable());
    }

    #[test]
    fn retry_info_and_field_violations_are_read() {
        let mut details = ErrorDetails::with_retry_info(Some(Duration::from_millis(250)));
        details.add_bad_request_violation("spec.containers[0].image", "must not be empty");
        let status = Status::with_error_details(Code::InvalidArgument, "bad", details);
        let error = Error::from_status(&status, &CallContext::new(Operation::CreateSandbox));
        assert_eq!(error.kind(), ErrorKind::SandboxValidation);
        assert!(error.kind().is(ErrorKind::Validation));
        assert_eq!(error.retry_delay(), Some(Duration::from_millis(250)));
        assert_eq!(error.field_violations()[0].field, "spec.containers[0].image");
    }

    #[test]
    fn an_error_of_ours_survives_the_trip_through_tonic() {
        let sent = Error::invalid("cwd", "must be absolute").into_status();
        let wrapped = Status::from_error(Box::new(std::io::Error::other(sent)));
        for status in [Error::invalid("cwd", "must be absolute").into_status(), wrapped] {
            let error = Error::from_status(&status, &get());
            assert_eq!(error.kind(), ErrorKind::Validation);
            assert_eq!(error.field_violations()[0].field, "cwd");
            assert_eq!(error.operation(), Some("GetSandbox"));
        }
        let boxed = Status::from_error(Box::new(Error::invalid("cwd", "must be absolute")));
        assert_eq!(Error::from_status(&boxed, &get()).kind(), ErrorKind::Validation);
    }

    #[test]
    fn the_deadline_of_an_exec_is_the_commands_timeout() {
        let context = CallContext::on(Operation::StreamExec, "sb-1");
        let error = Error::from_status(&Status::deadline_exceeded("late"), &context);
        assert_eq!(error.kind(), ErrorKind::SandboxCommandTimeout);
        assert!(!error.retryable());
    }
}
