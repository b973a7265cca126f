//! Removing a sandbox without a trace: its processes, control groups, directory, user ids. Blocking.
//! Must not know: tokio.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{fs::PermissionsExt, net::UnixStream},
    },
    path::Path,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid},
};

use super::{
    Site,
    cgroups::Group,
    link::socket_path,
    record::{ContainerRecord, Home, Record, start_time},
};

/// Kills process one, and with it everything in its process namespace; waits until that is so, and reaps it.
pub fn kill(process: &OwnedFd) {
    // Fails only when it is gone.
    let _ = pidfd_send_signal(process, Signal::KILL);
    wait(process, Duration::from_secs(10));
}

/// Waits for the end of process one, and reaps it if it is this process's child. `false` when it still runs.
pub fn wait(process: &OwnedFd, patience: Duration) -> bool {
    let timeout = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
    let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)).is_ok_and(|count| count > 0);
    if ended {
        reap(process);
    }
    ended
}

/// Takes an ended child's status. A sandbox that was found again is nobody's child here.
pub fn reap(process: impl AsFd) {
    let _ = waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
}

/// Process one of an existing container: who listens on its socket, else who its record names.
pub fn find(home: &Home, record: Option<&ContainerRecord>) -> Option<OwnedFd> {
    let listening = || {
        let descriptor = home.open().ok()?;
        let stream = UnixStream::connect(socket_path(&descriptor)).ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
        // The server that bound the socket first is this process's namesake until the agent listens itself.
        (peer.pid != rustix::process::getpid()).then_some(peer.pid)
    };
    let recorded = || {
        let record = record?;
        (start_time(record.pid)? == record.started).then(|| Pid::from_raw(record.pid))?
    };
    pidfd_open(listening().or_else(recorded)?, PidfdFlags::empty()).ok()
}

/// Kills whatever runs of a sandbox that nobody drives, and removes it.
pub fn whole(site: &Site, home: &Home) -> io::Result<()> {
    let ungrouped = end(site, home);
    let emptied = remove(site, home, [], home.record().ok().and_then(|record| record.block));
    ungrouped.and(emptied)
}

/// Kills whatever runs of a sandbox that nobody drives, and removes its control groups.
pub fn end(site: &Site, home: &Home) -> io::Result<()> {
    let record = home.record().ok();
    let groups: Vec<_> = record.iter().flat_map(Record::groups).map(|group| site.cgroups.group(group)).collect();
    for freezer in groups.iter().filter_map(Group::freezer) {
        // What is frozen does not even die.
        freezer.thaw()?;
    }
    for (index, container) in home.containers().iter().enumerate() {
        let recorded = record.as_ref().and_then(|record| record.containers.get(index));
        if let Some(process) = find(container, recorded) {
            kill(&process);
        }
    }
    // One that stays must not keep the others.
    groups.iter().map(Group::remove).fold(Ok(()), io::Result::and)
}

/// Removes what is left once the processes are gone.
pub fn remove(site: &Site, home: &Home, groups: impl IntoIterator<Item = Group>, block: Option<u32>) -> io::Result<()> {
    let mut ungrouped = Ok(());
    for group in groups {
        // One that stays must not keep the others.
        ungrouped = ungrouped.and(group.remove());
    }
    let emptied = remove_tree(home.path());
    if let (Some(blocks), Some(base), Ok(())) = (&site.blocks, block, &emptied) {
        blocks.release(base);
    }
    site.cgroups.tidy();
    ungrouped.and(emptied)
}

/// Removes a tree whose directories may refuse even their owner.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock(path);
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

/// Opens directories up on the way down; links are never followed.
fn unlock(directory: &Path) {
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}
