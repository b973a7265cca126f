//! A call's head as tonic takes it. Must not know: which call it is.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::{Request, metadata::MetadataMap};

use super::CallHead;
use crate::config::Headers;

/// What fits into eight digits of seconds, the widest that `grpc-timeout` allows without losing precision to hours.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(99_999_999);

/// Marks a request whose answer somebody watches.
#[derive(Clone, Copy)]
pub(super) struct Interactive;

impl CallHead {
    /// Turns a body into tonic's request under this head.
    pub(super) fn into_request<T>(self, body: T) -> Request<T> {
        let mut request = Request::new(body);
        *request.metadata_mut() = MetadataMap::from_headers(header_map(&self.metadata));
        if self.interactive {
            request.extensions_mut().insert(Interactive);
        }
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout.min(LONGEST_TIMEOUT));
        }
        request
    }
}

/// They were checked before.
fn header_map(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value, secret) in headers.with_secrecy() {
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(secret);
            map.append(name, value);
        }
    }
    map
}
