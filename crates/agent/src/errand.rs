//! Work that takes longer than the poll loop may: a child of process one does it and reports on the connection itself.
//! Must not know: what a tree looks like in a file.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat2},
    process::Pid,
};

use crate::{
    channel::Channel,
    operation::Connection,
    protocol::{Failure, Reply, Tree},
    tree::{self, Sum},
    volumes::Staged,
};

/// What the child does.
#[derive(Debug, Clone, Copy)]
pub enum Errand {
    /// Write a directory to the file.
    Save,
    /// Make the directory what the file says.
    Restore,
}

/// The directory that is meant.
pub fn place(tree: &Tree, volumes: &[Staged]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match tree {
        Tree::Volume(index) => {
            let volume = volumes.get(*index).ok_or(io::Error::from_raw_os_error(libc::ENOENT))?;
            Ok(rustix::fs::openat(&volume.root, ".", flags, Mode::empty())?)
        }
        Tree::Directory(path) if path.starts_with('/') && !path.contains('\0') => {
            let directory = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
            // What the kernel makes up on reading has no place in a file, and some of it is about this very process.
            let kind = rustix::fs::fstatfs(&directory)?.f_type;
            if kind == rustix::fs::PROC_SUPER_MAGIC {
                return Err(io::Error::from_raw_os_error(libc::EACCES));
            }
            Ok(directory)
        }
        Tree::Directory(_) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// Starts it. The child ends by itself, or is killed as an exec is when the connection closes.
pub fn start(errand: Errand, connection: &Connection, directory: &OwnedFd, file: &OwnedFd) -> io::Result<Pid> {
    // SAFETY: this process has one thread, so the child finds every lock free and may go on as an ordinary program.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = match run(errand, connection, directory, file) {
                Ok(()) => 0,
                Err(_) => 1,
            };
            // SAFETY: `_exit` ends the child without running what the agent registered.
            unsafe { libc::_exit(code) }
        }
        child => Pid::from_raw(child).ok_or_else(|| io::ErrorKind::InvalidData.into()),
    }
}

fn run(errand: Errand, connection: &Connection, directory: &OwnedFd, file: &OwnedFd) -> io::Result<()> {
    // Its own session, as every exec has, by which it is found when it is to be killed.
    let _ = rustix::process::setsid();
    // The agent's other descriptors would be kept open beyond their time.
    for (number, descriptor) in [connection.as_fd(), directory.as_fd(), file.as_fd()].iter().enumerate() {
        // SAFETY: duplicates onto the three standard numbers, which are the null device in every agent.
        if unsafe { libc::dup2(descriptor.as_raw_fd(), number as libc::c_int) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: closes by number what only this child's copies of the agent's values still name, and these are never
    // dropped: the child ends with `_exit`. The numbers below 3 were just made and belong to nobody else.
    let [socket, directory, file] = unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
        [0, 1, 2].map(|number| OwnedFd::from_raw_fd(number))
    };
    let _ = rustix::thread::set_name(c"jetway-tree");
    let done = match errand {
        Errand::Save => tree::save(directory, File::from(file)),
        Errand::Restore => tree::restore(directory, File::from(file)),
    };
    let reply = match done {
        Ok(Sum { entries, bytes }) => Reply::Tree { entries, bytes },
        Err(error) => Reply::Failed(Failure {
            step: match errand {
                Errand::Save => format!("save the tree ({error})"),
                Errand::Restore => format!("restore the tree ({error})"),
            },
            errno: error.raw_os_error().unwrap_or(libc::EBADMSG),
        }),
    };
    Channel::new(socket).send(&reply, &[])
}
