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
    /// Process one, in this machine's numbers, and when it started (clock ticks after boot): ids are used again.
    pub pid: i32,
    /// See `pid`.
    pub started: u64,
    /// First id of its block; `None` under an ordinary user.
    pub block: Option<u32>,
    /// Name of its control groups.
    pub group: String,
    /// The host view's directory that its root is built on.
    pub layers: PathBuf,
    /// How its image is served.
    pub view: ImageView,
    /// Container names in order.
    pub containers: Vec<String>,
}

/// A sandbox's own directory on the host.
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

    /// Where the main command's output goes.
    pub fn logs(&self) -> LogFiles {
        LogFiles { data: self.0.join("log"), index: self.0.join("log.index") }
    }

    /// Where the agent leaves the main command's exit code.
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
