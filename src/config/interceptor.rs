//! What looks at every call: tracing, metrics, more headers. Must not know: who calls.

use futures::future::BoxFuture;
use http::HeaderMap;

use crate::error::Error;

/// A call, as an [`Interceptor`] sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallInfo {
    /// The rpc, e.g. `CreateSandbox`.
    pub operation: &'static str,
    /// The sandbox it concerns, where it concerns one.
    pub sandbox_id: Option<String>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// Is told how a call went: `None` for well. A stream went well when it is open; a call that is given up is cancelled.
pub type Aftermath = Box<dyn FnOnce(Option<&Error>) + Send>;

/// Sees every attempt of every call.
///
/// A single-threaded host wraps its callbacks so that they claim `Send` (`send_wrapper`).
pub trait Interceptor: Send + Sync + 'static {
    /// Before the call is sent. What it adds to `headers` is sent, except under the credentials' own names; its error
    /// refuses the call; what it gives is told how the call went.
    fn intercept<'a>(
        &'a self,
        call: &'a CallInfo,
        headers: &'a mut HeaderMap,
    ) -> BoxFuture<'a, Result<Option<Aftermath>, Error>>;
}
