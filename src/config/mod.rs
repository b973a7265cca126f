//! How to reach a server and as whom: plain values, checked when a client is made of them.
//! Must not know: the environment, files, transports.

mod interceptor;
mod retry;

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};

pub use interceptor::{Aftermath, CallInfo, Interceptor};
pub use retry::RetryPolicy;

/// Where the hosted service lives.
pub const DEFAULT_BASE_URL: &str = "https://api.cwsandbox.com";

/// How long a call may take unless it says otherwise.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// How to reach a server. A plain value: nothing here is read from the environment.
///
/// ```
/// use jetway::config::{ClientConfig, Credentials};
/// let config = ClientConfig::new("http://127.0.0.1:7070").credentials(Credentials::bearer("secret"));
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Root of the server, `http` or `https`. Default: the hosted service.
    pub base_url: String,
    /// As whom. Default: anonymous.
    pub credentials: Credentials,
    /// Sent with every call, before the credentials' own headers.
    pub headers: HeaderMap,
    /// How long a call may take unless it says otherwise. Default: 300 s.
    pub request_timeout: Duration,
    /// How calls that may be repeated are.
    pub retry: RetryPolicy,
    /// What sees every call, in this order.
    pub interceptors: Vec<Arc<dyn Interceptor>>,
}

impl ClientConfig {
    /// The defaults, at `base_url`.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), ..Self::default() }
    }

    /// Sets as whom to call.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Adds a header to every call.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets how long a call may take unless it says otherwise.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets how calls that may be repeated are.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Adds what sees every call.
    pub fn interceptor(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.to_owned(),
            credentials: Credentials::None,
            headers: HeaderMap::new(),
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
            retry: RetryPolicy::default(),
            interceptors: Vec::new(),
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("ClientConfig")
            .field("base_url", &self.base_url)
            .field("credentials", &self.credentials)
            .field("headers", &headers)
            .field("request_timeout", &self.request_timeout)
            .field("retry", &self.retry)
            .finish()
    }
}

/// As whom calls are made.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// Anonymous.
    #[default]
    None,
    /// `authorization: Bearer <secret>`.
    Bearer(Secret),
    /// Headers asked for before each call, and again after the server refused them once.
    Provider(Arc<dyn HeaderProvider>),
}

impl Credentials {
    /// A fixed bearer token.
    pub fn bearer(secret: impl Into<String>) -> Self {
        Self::Bearer(Secret(secret.into()))
    }

    /// Headers from a callback.
    pub fn provider(provider: impl HeaderProvider) -> Self {
        Self::Provider(Arc::new(provider))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Provider(_) => "Provider(…)",
        })
    }
}

/// Gives the headers that say who calls. Asked before every call, so an implementation keeps what is still fresh.
///
/// A single-threaded host wraps its callback so that it claims `Send` (`send_wrapper`).
pub trait HeaderProvider: Send + Sync + 'static {
    /// The headers for a call. `refused` is true when the server just refused the ones given before.
    fn headers(&self, refused: bool) -> HeaderFuture;
}

/// What a [`HeaderProvider`] gives.
pub type HeaderFuture = BoxFuture<'static, Result<HeaderMap, Box<dyn StdError + Send + Sync>>>;

/// A string that no `Debug` shows.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
