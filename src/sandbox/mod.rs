//! The noun: a sandbox, from its creation to its end.
//! Must not know: JavaScript, which transport carries its calls.

mod compose;
mod container;
mod container_spec;
mod create;
mod exec;
mod file_script;
mod file_system;
mod files;
mod ignore;
mod info;
mod knowledge;
mod lifecycle;
mod list;
mod log_place;
mod log_stream;
mod logs;
mod network;
mod network_spec;
mod options;
mod placing;
mod poller;
mod resources;
mod services;
mod snapshot;
mod spec;
mod status;
mod stop;
mod tally;
mod template;
mod terminals;
mod together;
mod volumes;
mod watching;

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use futures::future::Shared;

pub use compose::{BuildContext, ComposeFile};
pub use container::{ContainerOptions, ImagePullCredentials, Probe, VolumeMount};
pub use exec::ShellOptions;
#[allow(unused_imports, reason = "natively nobody else asks")]
pub(crate) use file_script::outcome;
pub use file_script::{FileEntry, FileKind, FileOperation};
pub use file_system::{FileReader, FileSystem, MAX_COLLECTED_BYTES, part_of};
pub use files::{MAX_FILE_BYTES, PreparedRead, PreparedWrite};
pub use ignore::IgnoreRules;
pub use info::SandboxInfo;
pub(crate) use info::time;
pub use list::{ListOptions, PurgeReport, SandboxList};
pub use log_stream::LogStream;
pub use logs::{LogChunk, LogOptions, LogPosition};
pub use network::{
    Cidr, Destination, EgressRule, Endpoint, IngressRule, NetworkOptions, Ports, Protocol, Service, Source,
    TenantScope, Visibility,
};
pub use network_spec::OlderNetwork;
pub use options::{
    DEFAULT_ARGS, DEFAULT_COMMAND, DEFAULT_IMAGE, MountedFile, ObjectStorageAccess, ObjectStoragePermission,
    PlacementMode, PlacementSpillover, SandboxOptions, SecretMapping,
};
pub use resources::{Gpu, ResourceAmounts, Resources};
pub use services::{EndpointInfo, ServiceInfo, ShareToken};
pub use snapshot::{DEFAULT_SNAPSHOT_TIMEOUT, Snapshot, SnapshotOptions, SnapshotStatus, SnapshotTrigger};
pub(crate) use spec::template_spec;
pub use status::SandboxStatus;
pub use stop::{DEFAULT_GRACEFUL_SHUTDOWN, DeleteOptions, StopOptions};
pub use tally::{ExecOutcome, Metrics, Tally};
pub use template::TemplateSpec;
pub use terminals::KeptTerminal;
pub use volumes::{VolumeMedium, VolumeOptions};
pub use watching::{FileChange, FileChangeKind, FileWatcher};

use self::{knowledge::Knowledge, poller::Poller, together::Together};
use crate::{
    client::{CallOptions, Client},
    error::Error,
    platform::BoxFuture,
};

/// One piece of work, asked for by many.
type Answer<T> = Shared<BoxFuture<'static, Result<T, Error>>>;

/// A remote place to run processes in. Cheap to clone; clones are the same sandbox.
///
/// Dropping it never stops what runs remotely: [`Sandbox::stop`] does, and so does its maximum lifetime.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    calls: CallOptions,
    /// Resolves to the id once the server has accepted the creation; polled by whoever needs it first.
    created: Answer<String>,
    beginning: Arc<Beginning>,
    knowledge: Arc<Knowledge>,
    poller: Poller,
    stopping: Together<()>,
    tally: Mutex<Option<Arc<Tally>>>,
    /// Ids of the snapshots that its stop took.
    snapshots: Mutex<Vec<String>>,
    /// Whether the latest stop takes any.
    saving: AtomicBool,
}

impl Sandbox {
    /// Its id, once the server has accepted the creation.
    pub fn id(&self) -> Option<String> {
        Some(self.info().id).filter(|id| !id.is_empty())
    }

    /// What is known about it without asking.
    pub fn info(&self) -> SandboxInfo {
        self.inner.knowledge.info()
    }

    /// Its state when the server was last asked.
    pub fn status(&self) -> SandboxStatus {
        self.inner.knowledge.status()
    }

    /// Whether both are handles of one another's clones. Handles found apart are not, even if they have the same id.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The client it is called by.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }
}

/// Whether the creation was asked for, or is never to be.
#[derive(Default)]
struct Beginning(AtomicU8);

impl Beginning {
    const BEGUN: u8 = 1;
    const RULED_OUT: u8 = 2;

    /// False: it was ruled out before.
    fn begin(&self) -> bool {
        self.settle(Self::BEGUN) != Self::RULED_OUT
    }

    /// False: it had begun before.
    fn rule_out(&self) -> bool {
        self.settle(Self::RULED_OUT) != Self::BEGUN
    }

    fn settle(&self, wanted: u8) -> u8 {
        self.0.compare_exchange(0, wanted, Ordering::SeqCst, Ordering::SeqCst).unwrap_or_else(|settled| settled)
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.info();
        f.debug_struct("Sandbox").field("id", &info.id).field("status", &info.status).finish_non_exhaustive()
    }
}
