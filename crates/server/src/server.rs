//! The server as a whole: puts the floors together, owns the port, and takes everything down again.

use std::{
    fs::{File, TryLockError},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    config::{Access, ServerConfig},
    egress::{Egress, Owner, SystemNames},
    front::{self, Front, Neighbours, PageInfo, Port, Previews, Tls},
    identity::{Identity, create_private_dir, random_text},
    runtime::{Runtime, RuntimeError},
    secrets::Secrets,
    service::{Api, Parts, PoolOptions, ServiceHosts},
    store::{Bucket, Store, StoreError},
    supervisor::{self, Supervisor},
    tokens::Signer,
};

/// Where snapshots are kept, below the data directory.
const SNAPSHOTS: &str = "snapshots";
/// Apart from the others, because an ephemeral server knows of none that were there before.
const EPHEMERAL_SNAPSHOTS: &str = "snapshots.ephemeral";

/// A server that has its port and its state, and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    front: Front,
    supervisor: Supervisor,
    bucket: Bucket,
    config: ServerConfig,
    token: Option<String>,
    launch_code: String,
    ca: PathBuf,
    /// Ends and pauses sessions and fills the pool, for as long as the server lives.
    tending: AbortOnDropHandle<()>,
    /// Held for as long as the data directory is in use.
    _lock: File,
}

/// Why a server could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// Another server uses the data directory.
    #[error("{0} is in use by another server; stop it, or give this one a --data-dir of its own")]
    InUse(PathBuf),
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: {source}")]
    DataDir {
        /// As configured.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A certificate or its key cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(io::Error),
    /// The state cannot be used.
    #[error("{0}")]
    State(String),
    /// This machine cannot run sandboxes.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl From<StoreError> for BindError {
    fn from(error: StoreError) -> Self {
        Self::State(error.to_string())
    }
}

impl Server {
    /// Takes the port and the data directory, finds the sandboxes of an earlier run again.
    ///
    /// # Errors
    /// [`BindError`], each with what to do about it.
    pub async fn bind(config: ServerConfig) -> Result<Self, BindError> {
        let data_dir = &config.data_dir;
        let unusable = |source| BindError::DataDir { path: config.data_dir.clone(), source };
        create_private_dir(data_dir).map_err(unusable)?;
        let lock = lock(data_dir)?;
        let identity = Identity::load_or_create(data_dir).map_err(unusable)?;
        let Port { listener, address, services: service_addresses } = Port::take(config.listen, config.service_urls)
            .await
            .map_err(|source| BindError::Listen { address: config.listen, source })?;

        bring_in(&config).await?;
        let runtime = start_runtime(&config).await?;
        let database = data_dir.join("state.db");
        let store = Store::open((!config.ephemeral).then_some(database.as_path()))?;
        let owner = Owner { allowed: config.egress_allowed.clone(), port: address.port() };
        let egress = Arc::new(Egress::new(owner, SystemNames { table: config.egress_hosts.clone() }));
        let options = supervisor::Options {
            retention: config.retention,
            max_sandboxes: config.max_sandboxes,
            egress,
            service_addresses,
            workspaces: data_dir.join("workspaces"),
        };
        let page = PageInfo {
            images: runtime.capabilities().images.clone(),
            port: address.port(),
            service_domain: config.service_domain.clone(),
        };
        let supervisor = Supervisor::open(runtime, store.clone(), options)
            .await
            .map_err(|error| BindError::State(error.to_string()))?;

        let token = match &config.access {
            Access::TokenFile => Some(identity.token),
            Access::Token(token) => Some(token.clone()),
            Access::Open => None,
        };
        let launch_code = random_text(18).map_err(unusable)?;
        let share_key = identity.signing_key.clone();
        let signer = Signer::new(&identity.token_key);
        // A server that is open to everybody gives everybody tokens, too.
        let open_minting = config.open_minting || token.is_none();
        let access =
            front::Access::new(token.clone(), identity.signing_key, launch_code.clone(), signer.clone(), open_minting);
        let neighbours = Neighbours { hosts: config.allow_hosts.clone(), origins: config.allow_origins.clone() };
        let (domain, port) = (config.service_domain.to_ascii_lowercase(), address.port());
        let services = ServiceHosts { domain, port, tls: config.tls_only, key: share_key };
        let tls = Tls::new(data_dir, &tls_names(&config), config.tls_files.as_ref()).map_err(BindError::Tls)?;
        let ca = tls.certificate().to_owned();
        let previews = Previews::new(supervisor.clone(), services.clone(), address.ip());
        let bucket = Bucket::new(data_dir.join(if config.ephemeral { EPHEMERAL_SNAPSHOTS } else { SNAPSHOTS }));
        let api = Api::new(Parts {
            supervisor: supervisor.clone(),
            store,
            bucket: bucket.clone(),
            secrets: Secrets::new(data_dir.join("secrets"), config.secret_stores.clone()),
            signer,
            open_minting,
            pool: PoolOptions { warm: config.pool_warm, most: config.pool_most },
            runner_id: identity.runner_id,
            allow_unenforced_limits: config.allow_unenforced_limits,
            root_size: config.root_size,
            services,
        });
        api.recover_snapshots().await.map_err(BindError::State)?;
        let tending = api.tend(config.session_idle);
        let rate = front::RateLimit::new(config.rest_burst, config.rest_per_second);
        let front = Front::new(access, neighbours, page, previews, tls, api, rate);
        Ok(Self { listener, address, front, supervisor, bucket, config, token, launch_code, ca, tending, _lock: lock })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What to give to clients. A server that listens everywhere is shown by its loopback name.
    pub fn url(&self) -> String {
        shown_url(self.address, self.config.tls_only)
    }

    /// The token that callers need; `None` when everybody may call. A secret: do not log it.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The certificate that clients must trust to reach this server, or services of its sandboxes, over TLS.
    pub fn authority(&self) -> &Path {
        &self.ca
    }

    /// The page's link, which lets a browser in. A secret: do not log it.
    pub fn launch_url(&self) -> String {
        format!("{}/?code={}", self.url(), self.launch_code)
    }

    /// Serves until `shutdown` resolves. Then, unless the configuration keeps them, every sandbox is stopped and what it
    /// used is given back before this returns.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, front, supervisor, bucket, config, tending, _lock, .. } = self;
        let stopping = async {
            drop(tending);
            if config.keep_sandboxes && !config.ephemeral {
                supervisor.flush().await;
            } else {
                supervisor.stop_all(config.shutdown_grace, "the server was shut down").await;
            }
            if config.ephemeral
                && let Err(error) = bucket.sweep(|_| false)
            {
                tracing::warn!(%error, "snapshots could not be removed");
            }
        };
        front::listen(listener, front, shutdown, stopping).await;
    }
}

/// Where somebody on this machine finds what listens at an address.
pub(crate) fn shown_url(mut address: SocketAddr, tls: bool) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("{}://{address}", if tls { "https" } else { "http" })
}

/// What the data directory's authority may vouch for, everything below these names included.
fn tls_names(config: &ServerConfig) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), config.service_domain.to_ascii_lowercase()];
    names.extend(config.allow_hosts.iter().map(|host| host.to_ascii_lowercase()));
    if !config.listen.ip().is_unspecified() && !config.listen.ip().is_loopback() {
        names.push(config.listen.ip().to_string());
    }
    names.sort();
    names.dedup();
    names
}

fn lock(data_dir: &Path) -> Result<File, BindError> {
    let path = data_dir.join("lock");
    let unusable = |source| BindError::DataDir { path: data_dir.to_owned(), source };
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BindError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Images that the server was started with.
#[cfg(target_os = "linux")]
async fn bring_in(config: &ServerConfig) -> Result<(), BindError> {
    use crate::{
        config::ImageSource,
        images::{Images, Remote},
    };
    if config.images.is_empty() {
        return Ok(());
    }
    let failed = |name: &str| {
        let name = name.to_owned();
        move |error| BindError::State(format!("the image {name:?} cannot be brought in: {error}"))
    };
    let images = Images::open(&config.data_dir).map_err(|error| BindError::State(error.to_string()))?;
    for (name, source) in &config.images {
        match source {
            ImageSource::Registry(from) => {
                let remote = Remote::find(from, None, config.docker_config.clone()).await.map_err(failed(name))?;
                remote.fetch(&images, name).await.map_err(failed(name))?;
            }
            ImageSource::Path(path) => {
                let (images, own, path) = (images.clone(), name.clone(), path.clone());
                let imported = tokio::task::spawn_blocking(move || images.import(&own, &path)).await;
                imported.map_err(|error| BindError::State(error.to_string()))?.map_err(failed(name))?;
            }
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
async fn bring_in(_: &ServerConfig) -> Result<(), BindError> {
    Ok(())
}

#[cfg(target_os = "linux")]
async fn start_runtime(config: &ServerConfig) -> Result<Arc<dyn Runtime>, BindError> {
    use crate::{
        config::RuntimeChoice,
        runtime::local::{LocalConfig, LocalRuntime},
    };
    let local = match config.runtime {
        // The only one there is so far.
        RuntimeChoice::Auto | RuntimeChoice::Local => LocalConfig {
            agent_exe: config.agent_exe.clone(),
            ephemeral: config.ephemeral,
            allow_unenforced_limits: config.allow_unenforced_limits,
            processes_per_sandbox: config.processes_per_sandbox,
            root_size: config.root_size,
            pull: config.pull,
            docker_config: config.docker_config.clone(),
            ..LocalConfig::new(&config.data_dir)
        },
    };
    // It tries a sandbox, which takes tens of milliseconds.
    let started = tokio::task::spawn_blocking(|| LocalRuntime::new(local)).await;
    Ok(Arc::new(started.map_err(|error| BindError::State(error.to_string()))??))
}

#[cfg(not(target_os = "linux"))]
async fn start_runtime(_: &ServerConfig) -> Result<Arc<dyn Runtime>, BindError> {
    let text = "local sandboxes need Linux, and no container engine backend is built in yet; run this on Linux";
    Err(RuntimeError::Unsupported(text.to_owned()).into())
}
