//! What a sandbox runs in: one trait over every backend, so that the services never know which one they drive.
//! Must not know: the wire, HTTP, the store.

use std::{collections::BTreeMap, collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

pub use self::order::{After, Condition, ProbePlan};
use crate::images::{ImageError, Login};

#[cfg(target_os = "linux")]
pub mod local;
mod network;
mod order;
mod secret;
mod storage;

pub use network::{EgressPlan, NetworkPlan, PortSpan, SERVICE_ADDRESSES, ServicePlan, ServiceReach, Target};
pub use secret::SecretEnv;
pub use storage::{MountPlan, TreePlace, TreeSum, VolumePlan, VolumeSource};

/// A backend that can start sandboxes on this machine or elsewhere.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// The backend's name as shown to people and in `effective_runtime_class`, e.g. `local`.
    fn name(&self) -> &'static str;

    /// What this backend can enforce and serve, measured once at start.
    fn capabilities(&self) -> &Capabilities;

    /// Says what an image name would be served with, without starting anything. `login` is for its registry.
    ///
    /// # Errors
    /// [`RuntimeError::ImageNotFound`] with the fix in its text.
    async fn resolve_image(&self, image: &str, login: Option<&Login>) -> Result<ImageView, RuntimeError>;

    /// Starts a sandbox. Returns once every container's root is in place, its files are written and its main command
    /// runs, but for those that the plan defers.
    async fn start(&self, plan: SandboxPlan) -> Result<Arc<dyn Instance>, RuntimeError>;

    /// Finds a sandbox again that an earlier server left running. `None` when it is gone.
    async fn adopt(&self, plan: SandboxPlan) -> Result<Option<Arc<dyn Instance>>, RuntimeError>;

    /// Finds what an earlier server left of a sandbox that is over: its logs. Whatever else there is of it goes. `None` when
    /// nothing is left.
    async fn remains(&self, plan: &SandboxPlan) -> Result<Option<Arc<dyn Instance>>, RuntimeError>;

    /// Makes a directory that outlives sandboxes, for [`VolumeSource::Kept`]; one that is there already stays as it is.
    /// `key` is a plain file name.
    async fn create_volume(&self, key: &str) -> Result<(), RuntimeError>;

    /// Removes whatever sandboxes outside `keep` left behind: processes, mounts, cgroups, directories.
    async fn sweep(&self, keep: &HashSet<String>) -> Result<(), RuntimeError>;
}

/// One live sandbox.
#[async_trait]
pub trait Instance: Send + Sync + 'static {
    /// Starts the main command of a container whose plan deferred it; returns at once when it runs already.
    async fn start_main(&self, container: &str) -> Result<(), RuntimeError>;

    /// Starts a process. Dropping the returned handle kills its process group.
    async fn exec(&self, request: ExecRequest) -> Result<ExecHandle, RuntimeError>;

    /// Opens a regular file for reading, inside the sandbox's own root.
    async fn open_file(&self, container: &str, path: &str) -> Result<OpenFile, FileError>;

    /// Creates or replaces a file (parents too) and returns it opened for writing. Bytes count once
    /// [`FileWriter::commit`] returned.
    async fn create_file(&self, container: &str, path: &str) -> Result<FileWriter, FileError>;

    /// Connects to a TCP port of the sandbox's own loopback interface.
    ///
    /// # Errors
    /// [`RuntimeError::Io`] of kind `ConnectionRefused` when nobody listens there; [`RuntimeError::Gone`].
    async fn dial(&self, port: u16) -> Result<TcpStream, RuntimeError>;

    /// Where connections from inside to the outside arrive: a listening socket of the sandbox's own network. Only for one
    /// whose plan has [`NetworkPlan::egress`].
    async fn egress(&self) -> Result<TcpListener, RuntimeError>;

    /// Writes a tree to a file: contents, holes, links, owners, modes, times, extended attributes; no devices, no sockets,
    /// no other mounts. What changes meanwhile is saved as it was met. Dropping the future ends the work.
    async fn save_tree(&self, tree: &TreePlace, into: std::fs::File) -> Result<TreeSum, FileError>;

    /// Empties a directory and fills it from a file that `save_tree` wrote.
    async fn restore_tree(&self, tree: &TreePlace, from: std::fs::File) -> Result<TreeSum, FileError>;

    /// Where the main command's output lies. See [`LogFiles`].
    fn logs(&self, container: &str) -> Option<LogFiles>;

    /// The exit code of `container`'s main command, if it ended.
    fn exit_code(&self, container: &str) -> Option<i32>;

    /// Waits until the main command of `container` ended. Cancel-safe; returns at once when it already did.
    async fn main_exit(&self, container: &str) -> ExitStatus;

    /// TERM to every process, then KILL after `grace`; returns when nothing runs any more.
    async fn stop(&self, grace: Duration) -> Result<(), RuntimeError>;

    /// Stops every process where it stands, without it noticing more than a jump of the clock; says by what. Until
    /// [`thaw`](Self::thaw), nothing else but [`stop`](Self::stop) and [`remove`](Self::remove) is to be called.
    async fn freeze(&self) -> Result<Freezing, RuntimeError> {
        Err(RuntimeError::Unsupported("this runtime cannot freeze a sandbox's processes".into()))
    }

    /// Lets frozen processes go on. Does nothing when they run.
    async fn thaw(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Kills what still runs and removes everything the sandbox used, its logs included.
    async fn remove(&self) -> Result<(), RuntimeError>;

    /// Resolves when the sandbox as a whole is gone (its primary container's agent died). Cancel-safe.
    async fn gone(&self);

    /// What it uses right now.
    async fn usage(&self) -> Usage;

    /// How its primary container's root is served, in words for people: `host view (python 3.11.2)`.
    fn view(&self) -> &ImageView;
}

/// What a backend can do here.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// Host architecture in container terms: `amd64`, `arm64`.
    pub architecture: String,
    /// Cores and memory that sandboxes may share.
    pub cpu_millicores: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// Whether a memory limit holds.
    pub limits_memory: bool,
    /// Whether a process-count limit holds.
    pub limits_pids: bool,
    /// Whether a CPU limit holds.
    pub limits_cpu: bool,
    /// Image names that start without any download, the best default first.
    pub images: Vec<String>,
    /// What is missing and what to do about it, a sentence each.
    pub notes: Vec<String>,
}

/// How an image name is served.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageView {
    /// The name as asked for.
    pub image: String,
    /// `host` or `image`.
    pub kind: String,
    /// For people: which interpreter, which directory.
    pub description: String,
}

/// Everything a backend needs to start a sandbox. Complete: defaults are already filled in.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct SandboxPlan {
    /// The sandbox id; also names its directory, cgroup and socket.
    pub id: String,
    /// At least one; the first is the primary one.
    pub containers: Vec<ContainerPlan>,
    /// What may come in and go out.
    #[serde(default)]
    pub network: NetworkPlan,
    /// Directories beside their roots.
    #[serde(default)]
    pub volumes: Vec<VolumePlan>,
}

/// One container of a sandbox: own file system, own processes, shared network.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct ContainerPlan {
    /// Unique in the sandbox.
    pub name: String,
    /// Image name as asked for.
    pub image: String,
    /// Who to be at the image's registry, if it must be asked; treated as `secret_env` is.
    #[serde(skip)]
    pub login: Option<Login>,
    /// The main command's argv. See `arguments_only`.
    pub argv: Vec<String>,
    /// Environment of the main command, every exec and nothing else.
    pub env: BTreeMap<String, String>,
    /// The part of that environment that must not be kept or shown: filled in for the start, gone afterwards.
    #[serde(skip)]
    pub secret_env: SecretEnv,
    /// Working directory of the main command and of every exec; empty means the image's own (`/`, host view: `/workspace`).
    pub working_dir: String,
    /// Written before the main command starts.
    pub files: Vec<FilePlan>,
    /// Limits to enforce; `None` means the backend's default.
    pub limits: Limits,
    /// Where it sees the sandbox's volumes.
    #[serde(default)]
    pub mounts: Vec<MountPlan>,
    /// `argv` holds arguments for the image's own entrypoint, in place of the image's; empty means the image's, too.
    #[serde(default)]
    pub arguments_only: bool,
    /// Whose processes they are: `name` or `uid`, with or without `:group`. Empty means what the image says, or root.
    #[serde(default)]
    pub user: String,
    /// The main command waits for [`Instance::start_main`].
    #[serde(default)]
    pub deferred: bool,
    /// What has to be so before the main command is started; for whoever calls [`Instance::start_main`].
    #[serde(default)]
    pub after: Vec<After>,
    /// When it counts as started; likewise.
    #[serde(default)]
    pub startup_probe: Option<ProbePlan>,
}

/// A file to write before the main command starts.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FilePlan {
    /// Absolute path inside.
    pub path: String,
    /// Content.
    pub content: Vec<u8>,
}

/// Resource limits of a container.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Thousandths of a core.
    pub cpu_millicores: Option<i64>,
    /// Bytes.
    pub memory_bytes: Option<i64>,
    /// Processes and threads.
    pub pids: Option<i64>,
}

/// A process to start.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// Empty means the primary one.
    pub container: String,
    /// Never empty.
    pub argv: Vec<String>,
    /// On top of the container's environment.
    pub env: BTreeMap<String, String>,
    /// `Some((columns, rows))` asks for a pseudo-terminal; output then comes on stdout only.
    pub tty: Option<(u16, u16)>,
    /// Whether stdin is wanted; otherwise it reads as end of file.
    pub stdin: bool,
}

/// A started process: its pipes and its end. Dropping it kills the process group.
pub struct ExecHandle {
    /// Present when asked for, and always with a pseudo-terminal. Dropping it is end of file.
    pub stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// Standard output, or the pseudo-terminal's.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Absent with a pseudo-terminal.
    pub stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// Resize, signal, wait.
    pub control: Box<dyn ExecControl>,
}

/// The part of a process that is not its streams.
#[async_trait]
pub trait ExecControl: Send + Sync {
    /// New window size; no effect without a pseudo-terminal.
    fn resize(&self, columns: u16, rows: u16);
    /// Waits for the process to end. Cancel-safe.
    async fn wait(&mut self) -> ExitStatus;
    /// Kills the whole process group now.
    fn kill(&self);
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExitStatus {
    /// The exit code; 128 + n after signal n; 127 or 126 when the command could not start.
    pub code: i32,
    /// Set when the sandbox was lost before the process ended.
    pub lost: Option<String>,
}

/// How processes are kept from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freezing {
    /// By the kernel, with nobody inside able to tell.
    ControlGroup,
    /// By a stop signal to each of them, which a parent inside may notice.
    Signal,
}

/// A file opened for reading.
pub struct OpenFile {
    /// The file itself, read from its start.
    pub file: tokio::fs::File,
    /// Size in bytes when it was opened.
    pub size: u64,
}

/// A file being replaced.
pub struct FileWriter {
    /// Where the bytes go.
    pub file: tokio::fs::File,
    /// Makes the bytes visible under the file's name.
    pub commit: Box<dyn FnOnce() -> futures::future::BoxFuture<'static, Result<(), FileError>> + Send>,
}

/// The main command's stdout and stderr as one ordered byte stream, kept by the sandbox itself so that it outlives the
/// server. `data` only grows. `index` holds one 16-byte record per write: byte offset after the write (u64 LE), then
/// nanoseconds since the Unix epoch (u64 LE). The record is written after the bytes it covers.
#[derive(Debug, Clone)]
pub struct LogFiles {
    /// The bytes.
    pub data: PathBuf,
    /// The times.
    pub index: PathBuf,
}

/// What a sandbox uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Thousandths of a core, over the last moments.
    pub cpu_millicores: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

/// Why a backend could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No such image here; the text says how to get it.
    #[error("{0}")]
    ImageNotFound(String),
    /// No such container in the sandbox.
    #[error("sandbox has no container named {0:?}")]
    ContainerNotFound(String),
    /// The image cannot be had.
    #[error(transparent)]
    Image(ImageError),
    /// A limit was asked for that this machine cannot enforce; the text says what is missing.
    #[error("{0}")]
    Unenforceable(String),
    /// This machine cannot isolate; the text says what to change.
    #[error("{0}")]
    Unsupported(String),
    /// The sandbox is not running any more.
    #[error("sandbox is not running: {0}")]
    Gone(String),
    /// Anything else, with its cause.
    #[error("{context}: {source}")]
    Io {
        /// What was being done.
        context: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// Why a file call failed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing there.
    #[error("no such file: {0}")]
    NotFound(String),
    /// A directory, or something else that is not a regular file.
    #[error("not a regular file: {0}")]
    IsDirectory(String),
    /// The sandbox's own permissions refuse it.
    #[error("permission denied: {0}")]
    PermissionDenied(String),
    /// Any other failure.
    #[error("{path}: {reason}")]
    Io {
        /// The path as asked for.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The sandbox is not running any more.
    #[error("sandbox is not running: {0}")]
    Gone(String),
}
