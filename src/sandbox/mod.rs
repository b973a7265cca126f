//! The noun: a sandbox, from its creation to its end.
//! Must not know: JavaScript, which transport carries its calls.

mod create;
mod exec;
mod files;
mod info;
mod lifecycle;
mod list;
mod logs;
mod options;
mod spec;
mod status;
mod stop;
mod together;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::Shared;

pub use exec::ShellOptions;
pub use files::{MAX_FILE_BYTES, PreparedRead, PreparedWrite};
pub use info::{SandboxInfo, ServiceInfo};
pub use list::{ListOptions, PurgeReport, SandboxList};
pub use logs::{LogChunk, LogOptions, LogPosition, LogStream};
pub use options::{
    DEFAULT_ARGS, DEFAULT_COMMAND, DEFAULT_IMAGE, Gpu, MountedFile, NetworkOptions, PlacementMode, ResourceAmounts,
    Resources, SandboxOptions,
};
pub use status::SandboxStatus;
pub use stop::{DEFAULT_GRACEFUL_SHUTDOWN, DeleteOptions, StopOptions};

use self::together::Together;
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
    info: Arc<Mutex<SandboxInfo>>,
    running: Together<SandboxInfo>,
    stopping: Together<()>,
}

impl Sandbox {
    /// Its id, once the server has accepted the creation.
    pub fn id(&self) -> Option<String> {
        Some(self.info().id).filter(|id| !id.is_empty())
    }

    /// What is known about it without asking.
    pub fn info(&self) -> SandboxInfo {
        self.inner.known().clone()
    }

    /// Its state when the server was last asked.
    pub fn status(&self) -> SandboxStatus {
        self.inner.known().status
    }

    /// The client it is called by.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, SandboxInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.inner.known();
        f.debug_struct("Sandbox").field("id", &info.id).field("status", &info.status).finish_non_exhaustive()
    }
}
