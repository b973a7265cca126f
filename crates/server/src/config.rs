//! Everything a server can be told. A plain value: it reads no environment and no files.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;

use crate::secrets::SecretSource;

/// How a server is set up. [`ServerConfig::new`] gives defaults that are safe on a shared machine.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// State, credentials and sandboxes live here. Created when missing, readable by its owner only.
    pub data_dir: PathBuf,
    /// Who may call.
    pub access: Access,
    /// Origins besides the server's own whose pages may call, e.g. `https://app.example.com`.
    pub allow_origins: Vec<String>,
    /// Names besides `localhost` and IP addresses under which the server may be addressed.
    pub allow_hosts: Vec<String>,
    /// Turn callers in the clear away. Without it the port speaks both.
    pub tls_only: bool,
    /// Files of a certificate chain and its key, for the server's own names; without them the data directory's authority
    /// makes one.
    pub tls_files: Option<(PathBuf, PathBuf)>,
    /// Ranges beside the internet's that sandboxes may reach, where their own rules allow it too.
    pub egress_allowed: Vec<IpNet>,
    /// Names whose addresses are not to be looked up, for what sandboxes reach.
    pub egress_hosts: BTreeMap<String, Vec<IpAddr>>,
    /// How the URLs of services look.
    pub service_urls: ServiceUrls,
    /// Services are also answered for as `{port}-{sandbox}.{service_domain}`.
    pub service_domain: String,
    /// State in memory only, and sandboxes that die with the server even when it is killed.
    pub ephemeral: bool,
    /// Leave sandboxes running on shutdown; the next start finds them again.
    pub keep_sandboxes: bool,
    /// Secret stores by name, beside those that are registered by call.
    pub secret_stores: BTreeMap<String, SecretSource>,
    /// Start sandboxes whose limits this machine cannot enforce.
    pub allow_unenforced_limits: bool,
    /// What sandboxes run in.
    pub runtime: RuntimeChoice,
    /// Images to bring in at the start: under which name, and from where.
    pub images: Vec<(String, ImageSource)>,
    /// Whether images that are not here are fetched.
    pub pull: Pull,
    /// Where `docker login` keeps credentials for registries.
    pub docker_config: Option<PathBuf>,
    /// The executable that becomes the agent; `None` means the running one.
    pub agent_exe: Option<PathBuf>,
    /// Sandboxes that may exist at a time; more are refused with a retry hint.
    pub max_sandboxes: usize,
    /// Processes and threads of a sandbox; where no control group counts them, each of its user ids may have as many.
    pub processes_per_sandbox: i64,
    /// What a container may change of its root, and a scratch volume without a size may hold, in bytes, kept in memory: the
    /// only place where this server holds files to a size. `None` keeps them on disk without a bound.
    pub root_size: Option<u64>,
    /// Everybody who reaches the port may have a user's token made. For development; the server's own token still rules.
    pub open_minting: bool,
    /// Sandboxes of the pool that wait for users. Below 1 they are made when somebody asks.
    pub pool_warm: usize,
    /// Sandboxes of the pool at a time, waiting and taken.
    pub pool_most: usize,
    /// Sessions that nobody uses for so long are paused; `None` lets them run.
    pub session_idle: Option<Duration>,
    /// REST requests that one address may make at once; in the long run it may make `rest_per_second`.
    pub rest_burst: u32,
    /// See `rest_burst`.
    pub rest_per_second: u32,
    /// How long a finished sandbox stays visible to get and list.
    pub retention: Duration,
    /// How long processes get after TERM when the server shuts down.
    pub shutdown_grace: Duration,
}

impl ServerConfig {
    /// Loopback, a free port, a token made at first start, durable state in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: data_dir.into(),
            access: Access::TokenFile,
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            tls_only: false,
            tls_files: None,
            egress_allowed: Vec::new(),
            egress_hosts: BTreeMap::new(),
            service_urls: ServiceUrls::Auto,
            service_domain: "localhost".to_owned(),
            ephemeral: false,
            keep_sandboxes: false,
            secret_stores: BTreeMap::new(),
            allow_unenforced_limits: false,
            runtime: RuntimeChoice::Auto,
            images: Vec::new(),
            pull: Pull::Never,
            docker_config: None,
            agent_exe: None,
            max_sandboxes: 1000,
            processes_per_sandbox: 4096,
            root_size: None,
            open_minting: false,
            pool_warm: 0,
            pool_most: 50,
            session_idle: Some(Duration::from_secs(30 * 60)),
            rest_burst: 200,
            rest_per_second: 100,
            retention: Duration::from_secs(3600),
            shutdown_grace: Duration::from_secs(2),
        }
    }
}

/// Who may call the server.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// Whoever has the token in the data directory; it is made at first start.
    TokenFile,
    /// Whoever has this token.
    Token(String),
    /// Everybody who reaches the port.
    Open,
}

// By hand: a token must not reach a log through `{:?}`.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TokenFile => "TokenFile",
            Self::Token(_) => "Token(<hidden>)",
            Self::Open => "Open",
        })
    }
}

/// How the URLs of services look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServiceUrls {
    /// Addresses where the server listens on `127.0.0.1` and the machine can do it, else names.
    #[default]
    Auto,
    /// `http://8080-<sandbox>.localhost:7070/`. Browsers and curl find `localhost`'s subdomains by themselves; other
    /// programs do where the machine's resolver does, which many do not.
    Names,
}

/// Which backend starts sandboxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// The best that this machine has.
    #[default]
    Auto,
    /// Linux namespaces on this machine.
    Local,
}

/// Whether images are fetched from their registries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pull {
    /// When one is asked for that is neither here nor served by the host view.
    Missing,
    /// What is asked for is here or refused.
    #[default]
    Never,
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// A directory, a tar file, an OCI layout, or what `docker save` wrote.
    Path(PathBuf),
    /// The image of that name in its registry.
    Registry(String),
}

impl From<&str> for ImageSource {
    /// `oci:` and a name, or a path.
    fn from(text: &str) -> Self {
        match text.strip_prefix("oci:") {
            Some(name) => Self::Registry(name.to_owned()),
            None => Self::Path(text.into()),
        }
    }
}
