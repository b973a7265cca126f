//! What survives a restart, in SQLite. One thread owns the connection; callers await an answer.
//! Must not know: the wire, runtimes, what the states mean.

mod bucket;
mod documents;
mod orders;
mod rows;
mod schema;
mod sessions;

use std::{path::Path, sync::mpsc, thread};

use rusqlite::Connection;
use tokio::sync::oneshot;

pub(crate) use bucket::Bucket;
pub(crate) use documents::{Insertion, NewDocument};
pub(crate) use orders::KeptOrder;
pub(crate) use rows::{Progress, SandboxRow};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Why state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// SQLite said no.
    #[error("the state database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Written by a newer server.
    #[error("the state database has version {found}, this server knows up to {known}; use the newer server")]
    Newer {
        /// In the file.
        found: usize,
        /// In this program.
        known: usize,
    },
    /// The thread could not be started, or is gone.
    #[error("the state database is closed")]
    Closed,
}

/// A handle on the database thread. Jobs run in the order in which they are given.
#[derive(Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Opens the database at `path`, or in memory, and brings its schema up to date.
    pub fn open(path: Option<&Path>) -> Result<Self, StoreError> {
        let mut connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        // WAL with NORMAL: a commit costs no fsync, and survives the death of this process, though not a power cut.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        schema::migrate(&mut connection)?;
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("jetway-store".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&mut connection);
                }
            })
            .map_err(|_| StoreError::Closed)?;
        Ok(Self { jobs })
    }

    /// Adds a sandbox. Durable once this returns.
    pub async fn insert(&self, row: SandboxRow) -> Result<(), StoreError> {
        self.run(move |connection| rows::insert(connection, &row)).await
    }

    /// Notes how far a sandbox got; kept in order, written soon, not waited for.
    pub fn note(&self, id: &str, progress: Progress) {
        let id = id.to_owned();
        let job: Job = Box::new(move |connection| {
            if let Err(error) = rows::update(connection, &id, &progress) {
                tracing::error!(sandbox = id, %error, "state could not be written");
            }
        });
        if self.jobs.send(job).is_err() {
            tracing::error!("state could not be written: the database is closed");
        }
    }

    /// Replaces a sandbox's plan by what is left of it after its start; written soon, not waited for.
    pub fn shorten_plan(&self, id: &str, plan: String) {
        let id = id.to_owned();
        let job: Job = Box::new(move |connection| {
            if let Err(error) = rows::shorten_plan(connection, &id, &plan) {
                tracing::error!(sandbox = id, %error, "state could not be written");
            }
        });
        if self.jobs.send(job).is_err() {
            tracing::error!("state could not be written: the database is closed");
        }
    }

    /// Forgets a sandbox.
    pub async fn delete(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.run(move |connection| rows::delete(connection, &id)).await
    }

    /// Every sandbox that is known.
    pub async fn load(&self) -> Result<Vec<SandboxRow>, StoreError> {
        self.run(|connection| rows::load(connection)).await
    }

    /// Waits until everything noted before is written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.run(|_| Ok(())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, wait) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody waits any more when the caller was cancelled; the work is done all the same.
            let _ = answer.send(work(connection));
        });
        self.jobs.send(job).map_err(|_| StoreError::Closed)?;
        Ok(wait.await.map_err(|_| StoreError::Closed)??)
    }
}
