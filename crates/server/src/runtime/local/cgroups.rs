//! Resource limits by control groups: version 2, version 1, or none, whatever this machine lets the server write.
//!
//! Every server has one parent group of its own, named after its data directory, so that a sweep never touches another's.
//! Must not know: sandboxes beyond their ids, processes beyond their numbers.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

use super::freezer::Freezer;
use super::hierarchies;
use crate::runtime::Limits;

/// How every server's own group begins.
const PREFIX: &str = "jetway-";

/// What this machine can limit, and where.
#[derive(Debug, Clone, Default)]
pub struct Cgroups {
    pub(super) memory: Option<Place>,
    pub(super) pids: Option<Place>,
    pub(super) cpu: Option<Place>,
    pub(super) freezer: Option<Place>,
}

/// A controller's parent group for this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) parent: PathBuf,
    pub(super) unified: bool,
}

/// One sandbox's groups. Their name is not the sandbox's: its process is inside before the sandbox has a name.
#[derive(Debug, Clone)]
pub struct Group {
    cgroups: Cgroups,
    id: String,
}

impl Cgroups {
    /// Looks for writable controllers. `server` tells this server's groups from others'.
    pub fn detect(server: u32) -> Cgroups {
        hierarchies::find(&format!("{PREFIX}{server:08x}"))
    }

    /// Whether memory, process and CPU limits hold.
    pub fn limits(&self) -> (bool, bool, bool) {
        (self.memory.is_some(), self.pids.is_some(), self.cpu.is_some())
    }

    /// The groups of a sandbox; nothing is made yet.
    pub fn group(&self, id: &str) -> Group {
        Group { cgroups: self.clone(), id: id.to_owned() }
    }

    /// Ids of all groups that exist.
    pub fn ids(&self) -> Vec<String> {
        let directories = self.parents().into_iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten();
        let groups = directories.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut ids: Vec<String> = groups.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Removes the server's own groups if no sandbox has one.
    pub fn tidy(&self) {
        for parent in self.parents() {
            // Refused while a sandbox is below it, which is the point.
            let _ = fs::remove_dir(parent);
        }
    }

    /// Removes empty groups of servers that were killed and whose data directory nobody will open again. A group in use
    /// has a process inside, which the kernel protects; one that is just being made is young.
    pub fn tidy_strangers(&self) {
        let old = |path: &Path| {
            let made = fs::metadata(path).and_then(|found| found.modified()).ok();
            made.and_then(|made| made.elapsed().ok()).is_some_and(|age| age > Duration::from_secs(60))
        };
        for parent in self.parents() {
            let (Some(own), Some(folder)) = (parent.file_name(), parent.parent()) else { continue };
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if name == own || !name.to_string_lossy().starts_with(PREFIX) {
                    continue;
                }
                let groups = fs::read_dir(entry.path()).into_iter().flatten().flatten().map(|group| group.path());
                for group in groups.chain([entry.path()]).filter(|group| group.is_dir() && old(group)) {
                    let _ = fs::remove_dir(group);
                }
            }
        }
    }

    fn parents(&self) -> Vec<&Path> {
        let mut parents: Vec<&Path> = Vec::new();
        for place in [&self.memory, &self.pids, &self.cpu, &self.freezer].into_iter().flatten() {
            if !parents.contains(&place.parent.as_path()) {
                parents.push(&place.parent);
            }
        }
        parents
    }
}

impl Group {
    /// The name it goes by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes the groups and moves `pid` in.
    pub fn enter(&self, pid: u32) -> io::Result<()> {
        for directory in self.directories() {
            self.make(&directory)?;
            write(&directory, "cgroup.procs", pid)?;
        }
        Ok(())
    }

    /// Sets the limits. What has no controller is not limited.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        if let (Some(place), Some(pids)) = (&self.cgroups.pids, limits.pids) {
            write(&self.directory(place), "pids.max", pids)?;
        }
        if let (Some(place), Some(bytes)) = (&self.cgroups.memory, limits.memory_bytes) {
            let directory = self.directory(place);
            if place.unified {
                write(&directory, "memory.max", bytes)?;
                // Without swap accounting there is no such file, and no swap to limit.
                let _ = write(&directory, "memory.swap.max", 0);
            } else {
                write(&directory, "memory.limit_in_bytes", bytes)?;
                let _ = write(&directory, "memory.memsw.limit_in_bytes", bytes);
            }
        }
        if let (Some(place), Some(millicores)) = (&self.cgroups.cpu, limits.cpu_millicores) {
            // Per period of 100 ms; the kernel takes no less than 1 ms.
            let quota = millicores.saturating_mul(100).max(1000);
            match place.unified {
                true => write(&self.directory(place), "cpu.max", format!("{quota} 100000"))?,
                false => write(&self.directory(place), "cpu.cfs_quota_us", quota)?,
            }
        }
        Ok(())
    }

    /// Bytes in use, if memory is counted.
    pub fn memory_bytes(&self) -> Option<i64> {
        let place = self.cgroups.memory.as_ref()?;
        let file = if place.unified { "memory.current" } else { "memory.usage_in_bytes" };
        fs::read_to_string(self.directory(place).join(file)).ok()?.trim().parse().ok()
    }

    /// Kills what is still inside and removes the groups. A group stays busy for a moment after its last process ended.
    pub fn remove(&self) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(5);
        for directory in self.directories() {
            loop {
                match fs::remove_dir(&directory) {
                    Ok(()) => break,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) if Instant::now() >= deadline => return Err(error),
                    Err(_) => kill_members(&directory),
                }
                sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    }

    /// Where its processes can be frozen, if anywhere.
    pub(super) fn freezer(&self) -> Option<Freezer> {
        let place = self.cgroups.freezer.as_ref()?;
        Some(Freezer::at(self.directory(place), place.unified))
    }

    fn make(&self, directory: &Path) -> io::Result<()> {
        if make(directory).is_err() {
            // Another sandbox's end may have tidied the parent away.
            let Some(parent) = directory.parent() else { return Ok(()) };
            make(parent)?;
            if self.cgroups.memory.iter().chain(&self.cgroups.pids).chain(&self.cgroups.cpu).any(|place| place.unified)
            {
                hierarchies::delegate(parent);
            }
            make(directory)?;
        }
        Ok(())
    }

    fn directory(&self, place: &Place) -> PathBuf {
        place.parent.join(&self.id)
    }

    fn directories(&self) -> Vec<PathBuf> {
        self.cgroups.parents().into_iter().map(|parent| parent.join(&self.id)).collect()
    }
}

fn kill_members(directory: &Path) {
    let members = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

pub(super) fn make(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

pub(super) fn write(directory: &Path, file: &str, value: impl ToString) -> io::Result<()> {
    let path = directory.join(file);
    // Never made: a missing file means a missing controller.
    let written = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| io::Write::write_all(&mut file, value.to_string().as_bytes()));
    written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
