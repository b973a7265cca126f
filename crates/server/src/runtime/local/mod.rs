//! The local runtime: sandboxes on this Linux machine, each with an agent of ours as its first process.
//!
//! ```text
//! LocalRuntime ─▶ probe (once): builds the host view, runs a sandbox, asks its interpreters
//!              ─▶ birth: directory, ids, control groups, agent        (blocking thread)
//!              ─▶ instance ─▶ link ─▶ agent: exec, streams, file_calls
//!              ─▶ clear: what a sandbox leaves behind
//! ```
//! Must not know: the wire, the store, the supervisor.

mod agent_exe;
mod birth;
mod cgroups;
mod clear;
mod container;
mod embryo;
mod exec;
mod file_calls;
mod freezer;
mod hierarchies;
mod host_view;
mod ids;
mod images;
mod instance;
mod layer;
mod link;
mod member;
mod network;
mod plan;
mod probe;
mod readiness;
mod record;
mod remains;
mod roots;
mod serving;
mod streams;
mod trees;
mod volumes;

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

pub use agent_exe::agent_exe_for_tests;

use self::{
    agent_exe::AgentExe,
    cgroups::Cgroups,
    embryo::Nursery,
    ids::Blocks,
    instance::LocalInstance,
    record::{Home, Record},
    serving::{Served, Serving},
};
use crate::{config::Pull, images::Login};

use super::{Capabilities, ImageView, Instance, Limits, Runtime, RuntimeError, SandboxPlan};

/// How the local runtime is set up.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// Sandboxes' directories are made below it.
    pub data_dir: PathBuf,
    /// The executable that becomes the agent, which must call [`jetway_agent::run_if_asked`] first thing; `None` means
    /// the running one.
    pub agent_exe: Option<PathBuf>,
    /// Sandboxes end when this process does, however it does.
    pub ephemeral: bool,
    /// Start sandboxes whose limits this machine cannot enforce.
    pub allow_unenforced_limits: bool,
    /// Processes and threads of a sandbox that asks for no limit.
    pub processes_per_sandbox: i64,
    /// What each container may change of its root, in bytes, kept in memory; `None` keeps it on disk without a bound.
    pub root_size: Option<u64>,
    /// Whether images that are not here are fetched.
    pub pull: Pull,
    /// Where `docker login` keeps credentials for registries.
    pub docker_config: Option<PathBuf>,
}

impl LocalConfig {
    /// Sandboxes that outlive the server; limits that hold or are refused.
    pub fn new(data_dir: impl Into<PathBuf>) -> LocalConfig {
        LocalConfig {
            data_dir: data_dir.into(),
            agent_exe: None,
            ephemeral: false,
            allow_unenforced_limits: false,
            processes_per_sandbox: 4096,
            root_size: None,
            pull: Pull::Never,
            docker_config: None,
        }
    }
}

/// Sandboxes on this machine.
pub struct LocalRuntime {
    site: Arc<Site>,
    serving: Serving,
    capabilities: Capabilities,
}

/// What every sandbox of this runtime shares.
#[derive(Debug)]
struct Site {
    sandboxes: PathBuf,
    /// Directories that outlive sandboxes are made below it.
    kept: PathBuf,
    exe: AgentExe,
    cgroups: Cgroups,
    /// Groups that were there before this process made any.
    old_groups: Vec<String>,
    nursery: Nursery,
    /// `None` under an ordinary user, who may map no more than the own id.
    blocks: Option<Blocks>,
    ephemeral: bool,
    allow_unenforced_limits: bool,
    default_memory: i64,
    default_pids: i64,
    root_size: Option<u64>,
    /// Directories of sandboxes that this process drives; a sweep leaves them alone.
    live: Mutex<HashSet<PathBuf>>,
}

impl LocalRuntime {
    /// Looks at the machine and tries one sandbox. Blocking, some tens of milliseconds.
    ///
    /// # Errors
    /// [`RuntimeError::Unsupported`] when this machine cannot isolate, with what to change;
    /// [`RuntimeError::Io`] when the data directory or the executable cannot be used.
    pub fn new(config: LocalConfig) -> Result<LocalRuntime, RuntimeError> {
        probe::probe(config)
    }
}

/// The directories that sandboxes of a data directory stand on.
pub fn layers_in_use(data_dir: &Path) -> HashSet<PathBuf> {
    let data_dir = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_path_buf());
    let sandboxes = std::fs::read_dir(data_dir.join("sandboxes")).into_iter().flatten().flatten();
    let records = sandboxes.filter_map(|entry| Home::at(entry.path()).record().ok());
    records.flat_map(|record| record.layers().map(Path::to_path_buf).collect::<Vec<_>>()).collect()
}

impl Site {
    /// Fills defaults in, and refuses what cannot be enforced.
    fn limits(&self, asked: &Limits) -> Result<Limits, RuntimeError> {
        let (memory, pids, cpu) = self.cgroups.limits();
        let limits = [
            ("memory", asked.memory_bytes, memory),
            ("process-count", asked.pids, pids),
            ("CPU", asked.cpu_millicores, cpu),
        ];
        for (name, asked, holds) in limits {
            if asked.is_some() && !holds && !self.allow_unenforced_limits {
                return Err(RuntimeError::Unenforceable(format!(
                    "a {name} limit cannot be enforced: no writable cgroup controller for it; run the server as root or in \
                     a delegated cgroup (systemd-run --user --scope -p Delegate=yes), drop the limit, or allow \
                     unenforced limits"
                )));
            }
        }
        Ok(Limits {
            cpu_millicores: asked.cpu_millicores,
            memory_bytes: asked.memory_bytes.or(Some(self.default_memory)),
            pids: asked.pids.or(Some(self.default_pids)),
        })
    }

    fn enlist(&self, home: &Home) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).insert(home.path().to_path_buf());
    }

    fn discharge(&self, home: &Home) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(home.path());
    }

    fn is_live(&self, path: &Path) -> bool {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// Removes every sandbox that is neither driven from here nor to be kept, and control groups of nobody.
    fn sweep(&self, keep: &HashSet<String>) -> io::Result<()> {
        let mut outcome = Ok(());
        let mut wanted = HashSet::new();
        for entry in std::fs::read_dir(&self.sandboxes)?.flatten() {
            let home = Home::at(entry.path());
            let kept = entry.file_name().to_str().is_some_and(|name| keep.contains(name));
            if kept || self.is_live(home.path()) {
                wanted.extend(home.record().iter().flat_map(Record::groups).map(str::to_owned));
            } else {
                // One that stays must not keep the others.
                outcome = outcome.and(clear::whole(self, &home));
            }
        }
        for id in self.old_groups.iter().filter(|id| !wanted.contains(*id)) {
            outcome = outcome.and(self.cgroups.group(id).remove());
        }
        outcome
    }
}

impl Drop for LocalRuntime {
    /// An ephemeral server's sandboxes end with it, and so does what they used.
    fn drop(&mut self) {
        if self.site.ephemeral {
            let live = std::mem::take(&mut *self.site.live.lock().unwrap_or_else(PoisonError::into_inner));
            for path in live {
                // Nobody is left to tell; the next server on this directory sweeps.
                let _ = clear::whole(&self.site, &Home::at(path));
            }
        }
    }
}

impl Drop for Site {
    /// After the last sandbox and the last refill under way.
    fn drop(&mut self) {
        self.nursery.clear();
        self.cgroups.tidy();
    }
}

#[async_trait]
impl Runtime for LocalRuntime {
    fn name(&self) -> &'static str {
        "local"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn resolve_image(&self, image: &str, login: Option<&Login>) -> Result<ImageView, RuntimeError> {
        self.serving.resolve(image, login).await
    }

    async fn start(&self, mut plan: SandboxPlan) -> Result<Arc<dyn Instance>, RuntimeError> {
        let mut roots = Vec::new();
        for container in &mut plan.containers {
            let Served { root, config } = self.serving.root(&container.image, container.login.as_ref()).await?;
            serving::complete(container, &config, root.is_image());
            tracing::info!(sandbox = plan.id, container = container.name, view = root.view().description, "starting");
            roots.push(root);
        }
        let site = self.site.clone();
        let home = Home::new(&site.sandboxes, &plan.id);
        site.enlist(&home);
        let images = self.serving.images.clone();
        let born = tokio::task::spawn_blocking(move || {
            // Until the sandbox is on record, nobody else knows that it stands on its layers.
            let _hold = images.hold()?;
            let born = birth::give(&site, &plan, roots).map(|born| (born, plan));
            // The next one's first process gets ready while this one is used.
            tokio::task::spawn_blocking(move || site.nursery.refill(&site.exe, &site.cgroups));
            born
        });
        let born = born.await;
        let started = born
            .map_err(|error| RuntimeError::Io { context: "start the sandbox".into(), source: io::Error::other(error) })
            .and_then(|born| born)
            .and_then(|(born, plan)| {
                LocalInstance::begin(self.site.clone(), born, &plan).map_err(RuntimeError::starting("watch it"))
            });
        if started.is_err() {
            self.site.discharge(&home);
        }
        Ok(Arc::new(started?))
    }

    async fn adopt(&self, plan: SandboxPlan) -> Result<Option<Arc<dyn Instance>>, RuntimeError> {
        let adopted = LocalInstance::adopt(self.site.clone(), &plan.id).await?;
        Ok(adopted.map(|instance| Arc::new(instance) as Arc<dyn Instance>))
    }

    async fn remains(&self, plan: &SandboxPlan) -> Result<Option<Arc<dyn Instance>>, RuntimeError> {
        let (site, id) = (self.site.clone(), plan.id.clone());
        let found = tokio::task::spawn_blocking(move || remains::Remains::of(site, &id)).await;
        let found = found.map_err(io::Error::other).and_then(|found| found);
        let found = found.map_err(|source| RuntimeError::Io { context: "look for the sandbox's log".into(), source });
        Ok(found?.map(|remains| Arc::new(remains) as Arc<dyn Instance>))
    }

    async fn create_volume(&self, key: &str) -> Result<(), RuntimeError> {
        let (site, key) = (self.site.clone(), key.to_owned());
        let made = tokio::task::spawn_blocking(move || volumes::create(&site.kept, &key)).await;
        let made = made.map_err(io::Error::other).and_then(|made| made);
        made.map_err(|source| RuntimeError::Io { context: "make a volume's directory".into(), source })
    }

    async fn sweep(&self, keep: &HashSet<String>) -> Result<(), RuntimeError> {
        let (site, keep) = (self.site.clone(), keep.clone());
        let swept = tokio::task::spawn_blocking(move || site.sweep(&keep)).await;
        let swept = swept.map_err(io::Error::other).and_then(|swept| swept);
        swept.map_err(|source| RuntimeError::Io { context: "remove what old sandboxes left".into(), source })
    }
}

impl RuntimeError {
    /// For `map_err` around talking to an agent: one that does not answer means a sandbox that is gone.
    fn starting(context: &'static str) -> impl Fn(io::Error) -> RuntimeError + Copy {
        use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
        move |source| match source.kind() {
            BrokenPipe | ConnectionRefused | ConnectionReset | NotFound | UnexpectedEof => {
                RuntimeError::Gone("its agent does not answer".into())
            }
            _ => RuntimeError::Io { context: context.into(), source },
        }
    }
}
