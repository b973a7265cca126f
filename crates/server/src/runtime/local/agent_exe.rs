//! The executable that becomes the agent: a sealed copy in memory, made once.
//!
//! A copy, because `/proc/1/exe` inside a sandbox leads to it, and because replacing the installed binary must not change
//! what running sandboxes are made of. Sealed, so that nobody who reaches the copy can change it.
//! Must not know: sandboxes.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
    time::Duration,
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    io::Errno,
};

use crate::runtime::RuntimeError;

const SEAL_TRIES: u32 = 20;
const SEAL_PAUSE: Duration = Duration::from_millis(50);

/// A sealed executable.
#[derive(Debug)]
pub struct AgentExe {
    copy: OwnedFd,
}

impl AgentExe {
    /// Copies `path`.
    pub fn seal(path: &Path) -> io::Result<AgentExe> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Kernels before 6.3 do not know the flag and make every memory file executable.
        let copy = rustix::fs::memfd_create("jetway-agent", flags | MemfdFlags::EXEC)
            .or_else(|_| rustix::fs::memfd_create("jetway-agent", flags))?;
        let mut target = File::from(copy);
        io::copy(&mut File::open(path)?, &mut target)?;
        let copy = OwnedFd::from(target);
        seal(&copy)?;
        Ok(AgentExe { copy })
    }

    /// A path that leads to the copy from a child of this process.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.copy.as_raw_fd()))
    }
}

/// Nobody may change it from now on. The kernel refuses that while it has a hand of its own on one of the pages, as when it
/// looks for memory to reclaim; a moment later it has not.
fn seal(copy: &OwnedFd) -> io::Result<()> {
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    let mut tries = 0..SEAL_TRIES;
    loop {
        match rustix::fs::fcntl_add_seals(copy, seals) {
            Err(Errno::BUSY) if tries.next().is_some() => thread::sleep(SEAL_PAUSE),
            outcome => return Ok(outcome?),
        }
    }
}

/// Finds an executable that contains the agent, for tests whose own executable does not: `JETWAY_AGENT_EXE` if set; else,
/// under cargo, the workspace's `jetway-agent`, built first; else a `jetway-agent` or `jetway` beside the test.
///
/// # Errors
/// [`RuntimeError::Unsupported`] when there is none.
pub fn agent_exe_for_tests() -> Result<PathBuf, RuntimeError> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(locate).clone().map_err(RuntimeError::Unsupported)
}

fn locate() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("JETWAY_AGENT_EXE") {
        return Ok(path.into());
    }
    let own = std::env::current_exe().map_err(|error| format!("cannot find the running executable: {error}"))?;
    // Tests and examples lie one folder below the binaries.
    let folders: Vec<&Path> = own.ancestors().skip(1).take(2).collect();
    if let Some(cargo) = std::env::var_os("CARGO") {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "jetway-agent", "--bin", "jetway-agent", "--profile", profile]);
        build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        match build.status() {
            Ok(status) if status.success() => {}
            other => return Err(format!("cannot build jetway-agent: {other:?}")),
        }
    }
    let candidates = folders.iter().flat_map(|folder| ["jetway-agent", "jetway"].map(|name| folder.join(name)));
    candidates
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| "no executable with the agent found: build jetway-agent or set JETWAY_AGENT_EXE".to_owned())
}
