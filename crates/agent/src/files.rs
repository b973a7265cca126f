//! Opens and creates files in the sandbox's own root, for the server.
//!
//! The agent holds descriptors that sandboxed code must not reach, and `/proc/self` names the agent here: magic links are
//! never followed, and nothing is written below `/proc`.
//! Must not know: connections.

use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{CWD, FileType, Gid, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, Stat, Uid, openat2},
    io::Errno,
};

/// Why a file could not be had.
#[derive(Debug)]
pub enum Refusal {
    /// It is a directory, a device, a pipe, a socket.
    NotRegular,
    /// The system's reason.
    System(io::Error),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Refusal {
        match errno {
            Errno::ISDIR | Errno::NXIO => Refusal::NotRegular,
            errno => Refusal::System(errno.into()),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::System(error)
    }
}

/// Opens a regular file for reading; with its size.
pub fn open(path: &str) -> Result<(OwnedFd, u64), Refusal> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = resolve(check(path)?, flags, Mode::empty())?;
    let stat = regular(&file)?;
    // What `/proc` says of the agent itself (its memory, its environment) is nobody's file.
    if is_process_file(&file)? && place(&file)?.starts_with(format!("/proc/{}", std::process::id())) {
        return Err(Errno::ACCESS.into());
    }
    Ok((file, stat.st_size as u64))
}

/// A file being written under another name.
#[derive(Debug)]
pub struct Draft {
    /// `None` when the bytes go straight into the existing file.
    rename: Option<(PathBuf, PathBuf)>,
}

/// Starts replacing a regular file, or making one (its directories too).
pub fn create(path: &str) -> Result<(OwnedFd, Draft), Refusal> {
    let path = check(path)?;
    let existing = match resolve(path, OFlags::PATH, Mode::empty()) {
        Ok(file) => Some((regular(&file)?, file)),
        Err(Refusal::System(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(refusal) => return Err(refusal),
    };
    let target = match &existing {
        None => path.to_path_buf(),
        // The file that the path's links lead to is the one to replace.
        Some((_, file)) => {
            if is_process_file(file)? {
                return Err(Errno::ACCESS.into());
            }
            place(file)?
        }
    };
    let directory = target.parent().ok_or(Refusal::NotRegular)?;
    if existing.is_none() {
        fs::create_dir_all(directory)?;
    }
    match draft(directory, existing.as_ref().map(|(stat, _)| stat)) {
        Ok((file, temporary)) => Ok((file, Draft { rename: Some((temporary, target)) })),
        // A directory that takes no new files may still hold one that can be written.
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) if existing.is_some() => {
            let file = resolve(path, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty())?;
            regular(&file)?;
            // The path may lead elsewhere by now.
            if is_process_file(&file)? {
                return Err(Errno::ACCESS.into());
            }
            rustix::fs::ftruncate(&file, 0)?;
            Ok((file, Draft { rename: None }))
        }
        Err(errno) => Err(errno.into()),
    }
}

impl Draft {
    /// Makes the bytes visible under the file's name.
    pub fn commit(mut self) -> Result<(), Refusal> {
        let Some((temporary, target)) = self.rename.take() else { return Ok(()) };
        rustix::fs::rename(&temporary, &target).map_err(|errno| {
            let _ = fs::remove_file(&temporary);
            errno.into()
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some((temporary, _)) = &self.rename {
            // Nothing to tell anybody: the sandbox may have removed it itself.
            let _ = fs::remove_file(temporary);
        }
    }
}

fn draft(directory: &Path, like: Option<&Stat>) -> Result<(OwnedFd, PathBuf), Errno> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOCTTY | OFlags::CLOEXEC;
    loop {
        let temporary = directory.join(format!(".jetway-{}.part", COUNTER.fetch_add(1, Ordering::Relaxed)));
        let resolve = ResolveFlags::NO_MAGICLINKS;
        let file = match openat2(CWD, &temporary, flags, Mode::from_raw_mode(0o644), resolve) {
            Err(Errno::EXIST) => continue,
            file => file?,
        };
        if let Some(like) = like {
            // Ownership first: changing it clears mode bits. A foreign owner cannot be given back; root's is as good.
            let _ = rustix::fs::fchown(&file, Some(Uid::from_raw(like.st_uid)), Some(Gid::from_raw(like.st_gid)));
            rustix::fs::fchmod(&file, Mode::from_raw_mode(like.st_mode & 0o7777))?;
        }
        return Ok((file, temporary));
    }
}

fn check(path: &str) -> Result<&Path, Refusal> {
    match path.starts_with('/') && !path.contains('\0') {
        true => Ok(Path::new(path)),
        false => Err(Errno::INVAL.into()),
    }
}

fn resolve(path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Refusal> {
    Ok(openat2(CWD, path, flags | OFlags::CLOEXEC, mode, ResolveFlags::NO_MAGICLINKS)?)
}

/// Whether it belongs to `/proc`.
fn is_process_file(file: impl AsFd) -> Result<bool, Errno> {
    Ok(rustix::fs::fstatfs(file)?.f_type == PROC_SUPER_MAGIC)
}

/// Where an open file lies.
fn place(file: impl AsFd) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))
}

fn regular(file: impl AsFd) -> Result<Stat, Refusal> {
    let stat = rustix::fs::fstat(file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        _ => Err(Refusal::NotRegular),
    }
}
