//! Everything about a call but its body. Must not know: who fills it in.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderMap;

use crate::error::{CallContext, Error, ErrorKind};

/// A call, ready but for its body: credentials and the caller's headers are already in `metadata`.
#[derive(Clone)]
pub struct CallHead {
    /// Request path, below the server's root: `/coreweave.sandbox.v1.SandboxService/StreamExec`.
    pub path: &'static str,
    /// Request metadata, credentials included. The deadline is not: see `timeout`.
    pub metadata: HeaderMap,
    /// To send as `grpc-timeout` and to enforce with a local timer. `None`: no deadline.
    pub timeout: Option<Duration>,
    /// For errors: which rpc, on which sandbox.
    pub context: CallContext,
    /// Who is to be told how it went.
    pub(crate) aftermath: Aftermaths,
    /// Whether somebody types at the other end: then little is to be under way, or what is shown lags behind.
    pub interactive: bool,
}

/// What may be under way to a reader that somebody watches.
pub(crate) const INTERACTIVE_WINDOW: u32 = 128 * 1024;

/// Marks a request of such a call.
#[derive(Clone, Copy)]
pub(crate) struct Interactive;

impl CallHead {
    /// Turns a body into tonic's request under this head.
    pub(crate) fn into_request<T>(self, body: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(body);
        *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(self.metadata);
        if self.interactive {
            request.extensions_mut().insert(Interactive);
        }
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout.min(LONGEST_TIMEOUT));
        }
        request
    }
}

/// What fits into eight digits of seconds, the widest that `grpc-timeout` allows without losing precision to hours.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(99_999_999);

type Told = Box<dyn FnOnce(Option<&Error>) + Send>;

/// Those who are told once how a call went; if nobody says, that it was given up.
#[derive(Clone, Default)]
pub(crate) struct Aftermaths(Arc<Untold>);

#[derive(Default)]
struct Untold(Mutex<Vec<Told>>);

impl Aftermaths {
    /// One more; the last is told first.
    pub(crate) fn extend(&self, told: Option<Told>) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
    }

    pub(crate) fn tell(&self, failure: Option<&Error>) {
        self.0.take().into_iter().rev().for_each(|told| told(failure));
    }
}

impl Untold {
    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        for told in self.take().into_iter().rev() {
            told(Some(&Error::new(ErrorKind::Cancelled, "the call was given up before its answer")));
        }
    }
}

impl fmt::Debug for CallHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.metadata.keys().map(http::HeaderName::as_str).collect();
        f.debug_struct("CallHead")
            .field("path", &self.path)
            .field("metadata", &names)
            .field("timeout", &self.timeout)
            .field("context", &self.context)
            .field("interactive", &self.interactive)
            .finish()
    }
}
