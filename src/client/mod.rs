//! The client of one server: credentials, metadata, deadlines and retries, and one file per rpc family.
//! Must not know: `Sandbox`, JavaScript.
//!
//! Calls that carry bytes start from a [`CallHead`], which holds everything but the body: the payload lane of the web
//! host needs nothing else from here.

mod call;
mod catalog;
mod cloud;
mod codec;
mod credentials;
pub(crate) mod exec;
mod farewell;
pub(crate) mod files;
pub(crate) mod logs;
mod retry;
mod sandboxes;
pub(crate) mod terminals;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::HeaderMap;

pub use call::CallOptions;
pub(crate) use sandboxes::Creation;

pub(crate) use retry::Backoff;

pub use crate::transport::CallHead;

use crate::{
    config::{CallInfo, ClientConfig, Credentials, Interceptor, RetryPolicy},
    error::{CallContext, Error, Operation},
    platform,
    transport::{Aftermaths, BaseUrl, Transport},
};

/// A server and how to call it. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    base: BaseUrl,
    transport: Transport,
    credentials: Credentials,
    headers: HeaderMap,
    request_timeout: Duration,
    retry: RetryPolicy,
    interceptors: Vec<Arc<dyn Interceptor>>,
    waits_for_start: AtomicBool,
}

impl Client {
    /// A client after `config`. Nothing is connected yet.
    ///
    /// # Errors
    /// Validation for a `base_url` that is no http or https root; configuration when TLS cannot be set up.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
        let ClientConfig { base_url, credentials, headers, request_timeout, retry, interceptors } = config;
        let base = BaseUrl::parse(&base_url)?;
        if request_timeout.is_zero() {
            return Err(Error::invalid("requestTimeout", "must be longer than zero"));
        }
        if retry.attempts == 0 {
            return Err(Error::invalid("retry.attempts", "must be at least 1, which repeats nothing"));
        }
        if let Credentials::Bearer(secret) = &credentials {
            credentials::check(secret)?;
        }
        let transport = Transport::new(&base)?;
        let waits_for_start = AtomicBool::new(false);
        let inner =
            Inner { base, transport, credentials, headers, request_timeout, retry, interceptors, waits_for_start };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Root of the server, without credentials.
    pub fn base_url(&self) -> String {
        self.inner.base.as_url()
    }

    /// How long a call may take unless it says otherwise.
    pub fn request_timeout(&self) -> Duration {
        self.inner.request_timeout
    }

    /// Everything about a call but its body, credentials included.
    ///
    /// Calls without an own end (exec, logs) have a deadline only when `options` gives one.
    ///
    /// # Errors
    /// Authentication, when the credentials' provider fails or gives what cannot be sent.
    pub async fn call_head(&self, context: CallContext, options: &CallOptions) -> Result<CallHead, Error> {
        self.head(context, options, false, 1).await
    }

    async fn head(
        &self,
        context: CallContext,
        options: &CallOptions,
        refused: bool,
        attempt: u32,
    ) -> Result<CallHead, Error> {
        let timeout = match context.operation {
            Operation::StreamExec | Operation::AttachTerminal | Operation::StreamLogs => options.timeout,
            _ => Some(options.timeout.unwrap_or(self.inner.request_timeout)),
        };
        let mut metadata = self.inner.headers.clone();
        let aftermath = self.announce(&context, attempt, &mut metadata).await?;
        credentials::add(&self.inner.credentials, refused, &mut metadata)
            .await
            .map_err(|error| error.in_call(&context))?;
        Ok(CallHead { path: context.operation.path(), metadata, timeout, context, interactive: false, aftermath })
    }

    /// Opens a call under `head`, and once more with fresh credentials if the server refuses those: it did no work then.
    ///
    /// # Errors
    /// As `open`; authentication, when the credentials' provider fails.
    pub(crate) async fn refreshing<T, Opening>(
        &self,
        head: CallHead,
        open: impl Fn(CallHead) -> Opening,
    ) -> Result<T, Error>
    where
        Opening: Future<Output = Result<T, Error>>,
    {
        let (context, options) = (head.context.clone(), CallOptions { timeout: head.timeout });
        let interactive = head.interactive;
        let told = head.aftermath.clone();
        let answer = open(head).await;
        told.tell(answer.as_ref().err());
        match answer {
            Err(error) if self.may_refresh(&error) => {
                let mut head = self.head(context, &options, true, 2).await?;
                head.interactive = interactive;
                let told = head.aftermath.clone();
                let answer = open(head).await;
                told.tell(answer.as_ref().err());
                answer
            }
            answer => answer,
        }
    }

    /// Has the interceptors see a call before it is sent.
    async fn announce(
        &self,
        context: &CallContext,
        attempt: u32,
        headers: &mut HeaderMap,
    ) -> Result<Aftermaths, Error> {
        let aftermaths = Aftermaths::default();
        let call = CallInfo { operation: context.operation.name(), sandbox_id: context.sandbox_id.clone(), attempt };
        for interceptor in &self.inner.interceptors {
            match interceptor.intercept(&call, headers).await {
                Ok(aftermath) => aftermaths.extend(aftermath),
                Err(error) => {
                    let error = error.in_call(context);
                    aftermaths.tell(Some(&error));
                    return Err(error);
                }
            }
        }
        Ok(aftermaths)
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    /// The next call of a terminal gets a connection of its own: the one that there is may lead nowhere.
    pub(crate) fn forget_interactive(&self) {
        self.inner.transport.forget_interactive();
    }

    /// Whether this server was seen to hold calls on a starting sandbox until it runs, so that nobody need poll first.
    pub(crate) fn waits_for_start(&self) -> bool {
        self.inner.waits_for_start.load(Ordering::Relaxed)
    }

    /// Learns what the server promises from the headers of its answers.
    fn note_headers(&self, metadata: &tonic::metadata::MetadataMap) {
        if metadata.get("x-jetway-start").is_some_and(|value| value == "waits") {
            self.inner.waits_for_start.store(true, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.inner.base.as_url())
            .field("credentials", &self.inner.credentials)
            .finish_non_exhaustive()
    }
}

/// A new request id: frozen over retries, so that a repeated call does its work once.
///
/// # Errors
/// Configuration, when the host has no randomness to give.
pub(crate) fn request_id() -> Result<String, Error> {
    let bytes = platform::random_bytes::<16>().ok_or_else(|| {
        Error::new(crate::error::ErrorKind::Configuration, "this host has no source of randomness for request ids")
    })?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
