//! Sandboxes that belong together: made with the same defaults, counted together, stopped together.
//! Must not know: the wire, transports, JavaScript.

mod defaults;
mod function;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::join_all;

pub use crate::sandbox::Metrics;
pub use defaults::{DEFAULT_TEMP_DIR, SandboxDefaults};
pub use function::RemoteFunction;

use crate::{
    client::Client,
    error::{Error, ErrorKind},
    sandbox::{ListOptions, Sandbox, SandboxList, SandboxOptions, StopOptions, Tally},
};

/// Sandboxes with shared defaults and one end. Cheap to clone; clones are the same session.
///
/// Dropping it stops nothing: [`Session::close`] does.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    defaults: SandboxDefaults,
    sandboxes: Mutex<Vec<Sandbox>>,
    tally: Arc<Tally>,
    closed: AtomicBool,
}

impl Session {
    /// An empty session whose sandboxes start from `defaults`. Nothing is asked of the server.
    pub fn new(client: &Client, defaults: impl Into<SandboxDefaults>) -> Self {
        let inner = Inner {
            client: client.clone(),
            defaults: defaults.into(),
            sandboxes: Mutex::default(),
            tally: Arc::default(),
            closed: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What its sandboxes start from.
    pub fn defaults(&self) -> &SandboxDefaults {
        &self.inner.defaults
    }

    /// The client its sandboxes are called by.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// A sandbox of this session, not created before [`Sandbox::start`] or the first call on it. `options` win over the
    /// defaults; tags, environment and annotations are added to them.
    ///
    /// # Errors
    /// Sandbox, for a session that is closed.
    pub fn sandbox(&self, options: SandboxOptions) -> Result<Sandbox, Error> {
        self.prepare(&self.inner.defaults, options)
    }

    /// As [`Session::sandbox`], with other defaults than the session's own.
    ///
    /// # Errors
    /// Sandbox, for a session that is closed.
    pub fn prepare(&self, defaults: &SandboxDefaults, options: SandboxOptions) -> Result<Sandbox, Error> {
        self.check_open("create a sandbox")?;
        let sandbox = Sandbox::prepare(&self.inner.client, defaults.apply(options));
        self.inner.tally.created();
        self.track(&sandbox);
        Ok(sandbox)
    }

    /// Has the session stop this sandbox too, when it is closed.
    ///
    /// # Errors
    /// Sandbox, for a session that is closed.
    pub fn adopt(&self, sandbox: &Sandbox) -> Result<(), Error> {
        self.check_open("adopt a sandbox")?;
        self.track(sandbox);
        Ok(())
    }

    /// Finds a sandbox by its id, and adopts it if `adopt`.
    ///
    /// # Errors
    /// As [`Sandbox::from_id`]; sandbox, for a session that is closed.
    pub async fn from_id(&self, id: &str, adopt: bool) -> Result<Sandbox, Error> {
        self.check_open("find a sandbox")?;
        let sandbox = Sandbox::from_id(&self.inner.client, id).await?;
        if adopt {
            self.adopt(&sandbox)?;
        }
        Ok(sandbox)
    }

    /// Finds sandboxes that have the session's tags and those of `options`.
    pub fn list(&self, mut options: ListOptions) -> SandboxList {
        options.tags = self.inner.defaults.merge_tags(options.tags);
        Sandbox::list(&self.inner.client, options)
    }

    /// How many of its sandboxes have not ended, as far as is known.
    pub fn sandbox_count(&self) -> usize {
        self.sandboxes().len()
    }

    /// What it did so far.
    pub fn metrics(&self) -> Metrics {
        self.inner.tally.metrics()
    }

    /// Stops all of its sandboxes at the same time and waits for their ends. Those that were never started, or are gone
    /// already, need no stop. Closing it again does nothing.
    ///
    /// # Errors
    /// Sandbox, when some could not be stopped: its payload is the `Vec<Error>` of all that failed.
    pub async fn close(&self, options: StopOptions) -> Result<(), Error> {
        if self.inner.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let sandboxes = std::mem::take(&mut *self.sandboxes());
        let total = sandboxes.len();
        let stopping = sandboxes.iter().map(|sandbox| sandbox.stop(options.clone().missing_ok(true)));
        let failures: Vec<Error> = join_all(stopping).await.into_iter().filter_map(Result::err).collect();
        let Some(first) = failures.first() else { return Ok(()) };
        let message = format!("{} of {total} sandboxes of the session could not be stopped: {first}", failures.len());
        Err(Error::new(ErrorKind::Sandbox, message)
            .with_hint(
                "Some may still run: look with `Sandbox.list` and the session's tags, or wait for their lifetimes",
            )
            .with_source(first.clone())
            .with_payload(failures))
    }

    fn check_open(&self, what: &str) -> Result<(), Error> {
        match self.inner.closed.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Sandbox, format!("cannot {what}: the session is closed"))
                .with_hint("Open another session")),
            false => Ok(()),
        }
    }

    fn track(&self, sandbox: &Sandbox) {
        sandbox.count_in(&self.inner.tally);
        let mut sandboxes = self.sandboxes();
        if !sandboxes.iter().any(|known| known.is_same(sandbox)) {
            sandboxes.push(sandbox.clone());
        }
    }

    /// Those that have not ended. The ended are forgotten, so that a session may live for long.
    fn sandboxes(&self) -> MutexGuard<'_, Vec<Sandbox>> {
        let mut sandboxes = self.inner.sandboxes.lock().unwrap_or_else(PoisonError::into_inner);
        sandboxes.retain(|sandbox| !sandbox.status().is_terminal());
        sandboxes
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("sandboxes", &self.sandbox_count()).finish_non_exhaustive()
    }
}
