//! What a sandbox's directory says about it, for a server that finds it later; and the directory's layout.
//! Must not know: the agent's protocol.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::runtime::{ImageView, LogFiles};

/// `state.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// First id of its block; `None` under an ordinary user.
    pub block: Option<u32>,
    /// In order; the first is the primary one.
    pub containers: Vec<ContainerRecord>,
    /// Volume names in order.
    #[serde(default)]
    pub volumes: Vec<String>,
}

/// One container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// As it was asked for.
    pub name: String,
    /// Process one, in this machine's numbers, and when it started (clock ticks after boot): ids are used again.
    pub pid: i32,
    /// See `pid`.
    pub started: u64,
    /// Name of its control groups.
    pub group: String,
    /// The directories that its root is built on.
    pub layers: Vec<PathBuf>,
    /// How its image is served.
    pub view: ImageView,
}

impl Record {
    /// Names of every control group.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.containers.iter().map(|container| container.group.as_str())
    }

    /// Every directory that a root is built on.
    pub fn layers(&self) -> impl Iterator<Item = &Path> {
        self.containers.iter().flat_map(|container| &container.layers).map(PathBuf::as_path)
    }
}

/// A sandbox's own directory on the host, or one of its containers' below it.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// The directory of sandbox `id` below `sandboxes`.
    pub fn new(sandboxes: &Path, id: &str) -> Home {
        Home(sandboxes.join(id))
    }

    /// An existing one.
    pub fn at(path: PathBuf) -> Home {
        Home(path)
    }

    /// The directory of a sandbox's n-th container.
    pub fn container(&self, index: usize) -> Home {
        Home(self.0.join(index.to_string()))
    }

    /// The directories of all containers that got one.
    pub fn containers(&self) -> Vec<Home> {
        (0..).map(|index| self.container(index)).take_while(|home| home.0.is_dir()).collect()
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, readable by the server only.
    pub fn make(&self) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(&self.0)
    }

    /// A descriptor of it: the socket's path through a descriptor is short, whatever the data directory is called.
    pub fn open(&self) -> io::Result<OwnedFd> {
        Ok(rustix::fs::open(&self.0, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Where a container's main command's output goes.
    pub fn logs(&self) -> LogFiles {
        LogFiles { data: self.0.join("log"), index: self.0.join("log.index") }
    }

    /// Where a container's agent leaves the main command's exit code.
    pub fn exit_file(&self) -> PathBuf {
        self.0.join("exit")
    }

    /// The exit code, once there is one.
    pub fn exit_code(&self) -> Option<i32> {
        fs::read_to_string(self.exit_file()).ok()?.trim().parse().ok()
    }

    /// Reads `state.json`.
    pub fn record(&self) -> io::Result<Record> {
        Ok(serde_json::from_slice(&fs::read(self.0.join("state.json"))?)?)
    }

    /// Whether that is the file that [`Home::record`] reads.
    pub fn is_record(&self, path: &Path) -> bool {
        path == self.0.join("state.json")
    }

    /// Writes `state.json`, whole or not at all.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let draft = self.0.join("state.json.part");
        fs::write(&draft, serde_json::to_vec(record)?)?;
        fs::rename(draft, self.0.join("state.json"))
    }
}

/// When a process started, in clock ticks after boot.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so fields count from its closing parenthesis.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}
