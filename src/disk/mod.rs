//! Directories of this machine, up into a sandbox and down from one: tar archives through a process, in bounded memory
//! whatever their size. Native only; the package has its own for Node's file system and what browsers have instead.
//! Must not know: the wire, which transport carries the bytes.

mod download;
mod upload;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    error::{Error, ErrorKind},
    sandbox::IgnoreRules,
};

/// How far an upload or a download is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileProgress {
    /// What is on its way, relative to the directory.
    pub path: String,
    /// Files that have passed.
    pub files: u64,
    /// Bytes of files that have passed.
    pub bytes: u64,
    /// All files, where that is known: of uploads.
    pub total_files: Option<u64>,
    /// Bytes of all files, where that is known: of uploads.
    pub total_bytes: Option<u64>,
}

/// What went, or came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

type Listener = Arc<dyn Fn(&FileProgress) + Send + Sync>;

/// Options of directories that go up or come down.
#[derive(Clone, Default)]
pub struct TransferOptions {
    ignore: IgnoreRules,
    listener: Option<Listener>,
}

impl TransferOptions {
    /// Everything, in silence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what is left out.
    pub fn ignore(mut self, rules: IgnoreRules) -> Self {
        self.ignore = rules;
        self
    }

    /// Calls `listener` after each entry and, in large files, every quarter of a mebibyte; from another thread.
    pub fn on_progress(mut self, listener: impl Fn(&FileProgress) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }
}

impl fmt::Debug for TransferOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferOptions").field("ignore", &self.ignore).finish_non_exhaustive()
    }
}

/// Counts what passes, and tells.
#[derive(Clone)]
struct Counter {
    state: Arc<Mutex<Counted>>,
    listener: Option<Listener>,
}

#[derive(Default)]
struct Counted {
    progress: FileProgress,
    /// Bytes since the last that were told.
    untold: u64,
    /// What is still to come of the present file.
    left: u64,
}

/// As much passes in silence.
const PIECE: u64 = 256 * 1024;

impl Counter {
    fn new(listener: Option<Listener>, progress: FileProgress) -> Self {
        let counted = Counted { progress, ..Counted::default() };
        Self { state: Arc::new(Mutex::new(counted)), listener }
    }

    fn begin(&self, path: &str, size: u64) {
        self.with(|counted| {
            path.clone_into(&mut counted.progress.path);
            counted.left = size;
        });
    }

    /// Of `bytes` that passed, those that are the present file's.
    fn add(&self, bytes: usize) {
        let told = self.with(|counted| {
            let counts = (bytes as u64).min(counted.left);
            counted.left -= counts;
            counted.progress.bytes += counts;
            counted.untold += counts;
            (counted.untold >= PIECE).then(|| {
                counted.untold = 0;
                counted.progress.clone()
            })
        });
        self.tell(told);
    }

    fn end(&self, is_file: bool) {
        let told = self.with(|counted| {
            counted.progress.files += u64::from(is_file);
            (counted.untold, counted.left) = (0, 0);
            counted.progress.clone()
        });
        self.tell(Some(told));
    }

    fn sum(&self) -> Transferred {
        self.with(|counted| Transferred { files: counted.progress.files, bytes: counted.progress.bytes })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counted) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, progress: Option<FileProgress>) {
        if let (Some(listener), Some(progress)) = (&self.listener, progress) {
            listener(&progress);
        }
    }
}

/// What the machine says against a path of its own.
fn here(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |error| Error::new(ErrorKind::Other, format!("{}: {error}", path.display())).with_source(error)
}

/// Work that blocks, on a thread where that holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let lost =
        |error: tokio::task::JoinError| Error::new(ErrorKind::Other, "the transfer was given up").with_source(error);
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}
