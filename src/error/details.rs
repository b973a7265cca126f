//! The details of a gRPC status that the client reads, and none of the others of `google.rpc`: each type costs a page that
//! downloads the client. Must not know: what they mean.

use std::{collections::BTreeMap, time::Duration};

use prost::{DecodeError, Message};
use prost_types::Any;

const TYPE_PREFIX: &str = "type.googleapis.com/google.rpc.";

/// What a server says beside a status. Malformed details count as none.
#[derive(Default)]
pub(super) struct Details {
    pub(super) error_info: Option<ErrorInfo>,
    pub(super) retry_delay: Option<Duration>,
    pub(super) field_violations: Vec<Violation>,
}

/// `google.rpc.ErrorInfo`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub(super) reason: String,
    #[prost(string, tag = "2")]
    pub(super) domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(super) metadata: BTreeMap<String, String>,
}

/// `google.rpc.BadRequest.FieldViolation`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Violation {
    #[prost(string, tag = "1")]
    pub(super) field: String,
    #[prost(string, tag = "2")]
    pub(super) description: String,
}

/// `google.rpc.Status`; its code and message are in the trailers too.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<Violation>,
}

impl Details {
    /// Reads `grpc-status-details-bin`.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        Self::try_decode(bytes).unwrap_or_default()
    }

    fn try_decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut read = Self::default();
        for any in RpcStatus::decode(bytes)?.details {
            match any.type_url.strip_prefix(TYPE_PREFIX) {
                Some("ErrorInfo") => read.error_info = Some(ErrorInfo::decode(&any.value[..])?),
                Some("RetryInfo") => {
                    let delay = RetryInfo::decode(&any.value[..])?.retry_delay;
                    // A negative delay is none to wait.
                    read.retry_delay = delay.map(|delay| delay.try_into().unwrap_or_default());
                }
                Some("BadRequest") => read.field_violations = BadRequest::decode(&any.value[..])?.field_violations,
                _ => {}
            }
        }
        Ok(read)
    }
}
