//! Saves a directory tree of the sandbox into one file, and makes a tree from such a file.
//!
//! Runs in a child of process one, so it has the sandbox's own view and the sandbox's root's rights, no more: whatever a
//! tree holds, it reaches nothing that sandboxed code could not reach itself. No path is ever resolved: the walk goes
//! from directory to directory by single names, follows no link and enters no other mount, and a file of ours is read
//! as if an attacker had written it.
//!
//! What is kept: files with their holes, directories, links of both kinds, pipes, owners, modes with their special
//! bits, times, extended attributes. What is not: devices and sockets, which a sandbox cannot make a use of.
//! Must not know: connections, what the tree is for.

mod format;
mod restore;
mod save;

pub use restore::restore;
pub use save::save;

use std::io;

use rustix::{
    fs::{Dir, Mode, OFlags, ResolveFlags, openat2},
    io::Errno,
};
use std::os::fd::{AsFd, OwnedFd};

/// Deepest nesting of directories. One descriptor each is open during a walk.
const DEPTH: usize = 512;

/// What a saved or restored tree came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Files, directories, links, pipes.
    pub entries: u64,
    /// Bytes of file contents, holes not counted.
    pub bytes: u64,
}

/// Only what lies below the directory itself, on the same mount, and is no link.
const CONFINED: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

fn open_beneath(directory: impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    openat2(directory, name, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty(), CONFINED)
}

/// The names in a directory. Read at once: a directory that grows for ever would otherwise never end.
fn names(directory: &OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    // Taken from the end.
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

fn too_deep() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("directories are nested deeper than {DEPTH}"))
}
