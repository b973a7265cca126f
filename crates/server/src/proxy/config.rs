//! Everything a proxy can be told. A plain value: it reads no environment, and no files but those it names.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// How a proxy is set up. [`ProxyConfig::new`] gives defaults that are safe on a shared machine.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// The gRPC server behind it: `https://host[:port]`, or `http://host:port` for HTTP/2 in the clear.
    pub upstream: String,
    /// Certificates (PEM) to trust for it beside the system's.
    pub upstream_ca: Option<PathBuf>,
    /// As whom calls go there.
    pub credentials: Credentials,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Keys and the operator's secret live here. Created when missing, readable by its owner only.
    pub data_dir: PathBuf,
    /// What the operator's programs show to have tokens made and to read the figures; `None` means the data directory's,
    /// made at first start.
    pub operator_secret: Option<String>,
    /// Whether `POST /tokens` makes tokens.
    pub mint_tokens: bool,
    /// Everybody who reaches the port may call, with whatever account `credentials` names.
    pub open: bool,
    /// The longest life of a token.
    pub longest_token_life: Duration,
    /// Origins besides the proxy's own whose pages may call, e.g. `https://app.example.com`.
    pub allow_origins: Vec<String>,
    /// Names besides `localhost` and IP addresses under which the proxy may be addressed.
    pub allow_hosts: Vec<String>,
    /// Turn callers in the clear away. Without it the port speaks both.
    pub tls_only: bool,
    /// Files of a certificate chain and its key, for the proxy's own names; without them the data directory's authority
    /// makes one.
    pub tls_files: Option<(PathBuf, PathBuf)>,
    /// Calls that may be open at a time; more are refused with a retry hint.
    pub max_streams: usize,
    /// The longest message of a caller, in bytes.
    pub max_message: usize,
    /// A call that carries nothing for so long is ended; `None` lets it be.
    pub idle: Option<Duration>,
}

impl ProxyConfig {
    /// Loopback, a free port, callers' own credentials passed on as they are.
    pub fn new(upstream: impl Into<String>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            upstream: upstream.into(),
            upstream_ca: None,
            credentials: Credentials::Forward,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: data_dir.into(),
            operator_secret: None,
            mint_tokens: false,
            open: false,
            longest_token_life: Duration::from_secs(3600),
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            tls_only: false,
            tls_files: None,
            max_streams: 10_000,
            max_message: 100 << 20,
            idle: Some(Duration::from_secs(3600)),
        }
    }
}

/// As whom calls go upstream.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// As whoever called: credentials pass through, and what they are good for is the upstream's business.
    Forward,
    /// With this account's key, as a Bearer token. Callers need a token of the proxy's.
    Bearer(String),
    /// With this W&B account's key. Callers need a token of the proxy's.
    Wandb {
        /// The key.
        api_key: String,
        /// The user or team.
        entity: Option<String>,
        /// The project.
        project: Option<String>,
    },
}

// By hand: a key must not reach a log through `{:?}`.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Forward => "Forward",
            Self::Bearer(_) => "Bearer(<hidden>)",
            Self::Wandb { .. } => "Wandb(<hidden>)",
        })
    }
}
