//! What the server and the agent say to each other: plain values, one frame each.
//! Must not know: sockets, processes, mounts.
//!
//! Two conversations exist. The *birth* happens once, over a socket pair: [`Birth`] one way, [`Progress`] the other;
//! it then stays open as the sandbox's control connection. After it, each operation is one connection to the agent's
//! listening socket: one [`Request`], then [`Reply`]s, with [`Nudge`]s in between where an operation has any. Closing the
//! connection gives the operation up: an exec's processes are killed, an uncommitted file is forgotten.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Spoken version; an agent that outlived its server's binary is refused when it differs.
pub const VERSION: u32 = 5;

/// `argv[0]` and `argv[1]` of a process that is to become an agent.
pub const ARGV: [&str; 2] = ["jetway-agent", "--become-process-one"];

/// From the server while a sandbox is being born.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Birth {
    /// First message. Descriptors: the listening socket, the log's data, its index and the exit file; then, to join, the
    /// user and the network namespace of the sandbox's first container.
    Setup(Box<Setup>),
    /// The user namespace is mapped. Descriptors: the mounts that [`Lower::Passed`] and [`VolumeSource::Passed`] count, then
    /// the files to restore from.
    Mapped,
    /// Every file is in place: start the main command.
    StartMain,
}

/// Everything the agent needs to build its container. Each container of a sandbox has an agent of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// [`VERSION`] of the server.
    pub version: u32,
    /// End when the server's control connection ends.
    pub ephemeral: bool,
    /// Who maps the user namespace.
    pub ids: Ids,
    /// Share the user and network namespaces that come along, instead of making new ones.
    pub join: bool,
    /// The sandbox's own directory on the host, as raw bytes.
    pub directory: Vec<u8>,
    /// Host name inside.
    pub hostname: String,
    /// What runs in it.
    pub container: Container,
    /// Loopback port inside on which connections to the outside are accepted; `None` for a sandbox without any way out.
    pub egress_port: Option<u16>,
    /// Directories beside its root. The first container of a sandbox has them all, the others what they see.
    pub volumes: Vec<Volume>,
}

/// A directory with a life of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Volume {
    /// What it lies on.
    pub source: VolumeSource,
    /// Where it is seen; maybe nowhere.
    pub mounts: Vec<VolumeMount>,
    /// Fill it from the file that comes along with [`Birth::Mapped`], behind the mounts, one per such volume in order.
    pub restore: bool,
}

/// What a volume lies on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum VolumeSource {
    /// A host directory, as raw bytes.
    Directory(Vec<u8>),
    /// The n-th mount passed along with [`Birth::Mapped`].
    Passed(usize),
    /// New memory.
    Memory {
        /// Most bytes that it takes.
        size: u64,
        /// How many mounts of it go back to the server with [`Progress::Ready`], one for each further container.
        copies: usize,
    },
}

/// A place where a volume is seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolumeMount {
    /// Absolute path inside; made when missing.
    pub target: String,
    /// The directory of the volume that is meant, without a leading slash; empty for all of it; made when missing.
    pub sub_path: String,
    /// Nothing can be changed through it.
    pub read_only: bool,
}

/// A tree to save or to restore.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Tree {
    /// All of a volume, by its number in the setup.
    Volume(usize),
    /// A directory, by its absolute path inside.
    Directory(String),
}

/// How user and group ids are mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ids {
    /// The server writes a range once the namespace exists (it is root).
    Range,
    /// The agent maps its own single id to root (an ordinary user's server).
    Single,
}

/// One container: its file system and its main command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Container {
    /// Overlays in mounting order; the first one's target is empty: the root.
    pub overlays: Vec<Overlay>,
    /// What is changed lies in memory, up to so many bytes; without it in the sandbox's directory.
    pub changes_size: Option<u64>,
    /// The main command's argv.
    pub argv: Vec<String>,
    /// Complete environment of the main command and of every exec.
    pub env: BTreeMap<String, String>,
    /// Absolute; made when missing.
    pub working_dir: String,
    /// Whose processes they are: `name` or `uid`, with or without `:group`; empty means root.
    pub user: String,
    /// Processes and threads, as a resource limit: depth behind the control group's, or instead of it.
    pub processes: Option<u64>,
}

/// One overlay mount.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Overlay {
    /// Directory inside the root, without a leading slash; empty for the root itself.
    pub target: String,
    /// Topmost first.
    pub lowers: Vec<Lower>,
    /// Names of the upper and the work directory inside the sandbox's directory.
    pub upper: String,
    /// See `upper`.
    pub work: String,
}

/// One read-only layer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Lower {
    /// A host path, as raw bytes.
    Path(Vec<u8>),
    /// The n-th mount passed along with [`Birth::Mapped`].
    Passed(usize),
}

/// From the agent, on the control connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Progress {
    /// The namespaces exist; the server may map ids.
    Unshared,
    /// Process one exists, as a child of whoever started stage 0.
    Born {
        /// Its id where the server lives.
        pid: i32,
    },
    /// Process one runs in its own root and serves its socket. Descriptors: mounts of the volumes in memory.
    Ready(Ready),
    /// The main command runs.
    MainStarted,
    /// The main command ended.
    MainExited {
        /// As a shell would say it: 128 + n after signal n.
        code: i32,
    },
    /// The sandbox could not be built.
    Failed(Failure),
}

/// What process one found when it was ready.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Ready {
    /// Changes are kept in memory because the directory's file system cannot be an overlay's upper layer.
    pub upper_in_memory: bool,
}

/// A step that failed, with the system's reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was being done, e.g. `mount the root overlay`.
    pub step: String,
    /// The system's error number, 0 when it was none.
    pub errno: i32,
}

impl Failure {
    /// For `map_err`: what was being done when the system refused.
    pub fn at(step: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
        move |error| Failure { step: step.into(), errno: error.raw_os_error().unwrap_or(0) }
    }

    /// The system's reason as an error.
    pub fn reason(&self) -> std::io::Error {
        match self.errno {
            0 => std::io::Error::other("unexpected answer"),
            errno => std::io::Error::from_raw_os_error(errno),
        }
    }
}

/// First frame of a connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// Become a control connection: answered by [`Reply::Attached`], then [`Progress`] frames.
    Attach {
        /// [`VERSION`] of the server.
        version: u32,
    },
    /// Start a process. Descriptors without a terminal: stdin if `stdin`, stdout, stderr. With one: none; the terminal's
    /// master comes back with [`Reply::Started`].
    Exec(Exec),
    /// Open a regular file for reading; it comes back with [`Reply::Opened`].
    OpenFile {
        /// Absolute path inside.
        path: String,
    },
    /// Create or replace a regular file; it comes back with [`Reply::Opened`], and [`Nudge::Commit`] makes it visible.
    CreateFile {
        /// Absolute path inside.
        path: String,
    },
    /// Connect to a port of the sandbox's own loopback interface. The socket comes back with [`Reply::Connected`], maybe
    /// before the connection stands.
    Dial {
        /// TCP port.
        port: u16,
        /// `::1` instead of `127.0.0.1`.
        v6: bool,
    },
    /// Take over the listening socket of [`Setup::egress_port`]; it comes back with [`Reply::Connected`].
    Egress,
    /// Write a tree to the file whose descriptor comes along; [`Reply::Tree`] when it is whole.
    SaveTree(Tree),
    /// Empty a directory and fill it from the file whose descriptor comes along; [`Reply::Tree`] when it is done.
    RestoreTree(Tree),
    /// Ask what runs: [`Reply::Status`].
    Status,
    /// Stop every process but the agent by signal, or let them go on; answered by [`Reply::Done`]. For machines without
    /// a control group that freezes.
    Suspend {
        /// Stop, or go on.
        suspended: bool,
    },
    /// TERM to every process, KILL after the grace, then [`Reply::Done`], then the agent ends.
    Stop {
        /// Milliseconds.
        grace_ms: u64,
    },
}

/// A process to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exec {
    /// Never empty.
    pub argv: Vec<String>,
    /// On top of the container's environment.
    pub env: BTreeMap<String, String>,
    /// Columns and rows of the wanted terminal.
    pub tty: Option<(u16, u16)>,
    /// Whether a descriptor for stdin is passed; otherwise stdin is `/dev/null`.
    pub stdin: bool,
}

/// Later frames of the server on an operation's connection.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Nudge {
    /// Kill the exec and what it started, but go on reporting.
    Kill,
    /// Make the file visible.
    Commit,
}

/// From the agent on an operation's connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Reply {
    /// Control connection accepted.
    Attached {
        /// The main command's exit code if it ended.
        exit: Option<i32>,
    },
    /// The process runs (or failed to be found, which its exit code tells).
    Started,
    /// The process ended.
    Exited {
        /// 128 + n after signal n.
        code: i32,
    },
    /// The file, open.
    Opened {
        /// Bytes, when opened.
        size: u64,
    },
    /// A socket of the sandbox's network.
    Connected,
    /// A tree is saved, or restored.
    Tree {
        /// Files, directories, links, pipes.
        entries: u64,
        /// Bytes of their contents, holes not counted.
        bytes: u64,
    },
    /// See [`Request::Status`].
    Status(Status),
    /// Finished.
    Done,
    /// The operation failed.
    Failed(Failure),
    /// The path names something other than a regular file.
    NotRegular,
    /// Not something this agent can do: it speaks another version, or is being stopped.
    Refused(String),
}

/// What the sandbox uses.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Status {
    /// Processes besides the agent.
    pub processes: u64,
    /// Processor time so far, ended processes included, in microseconds.
    pub cpu_micros: u64,
    /// Resident memory of the live ones, bytes.
    pub memory_bytes: u64,
}
