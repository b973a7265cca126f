//! A directory tree seen through a user namespace's ids: what root owns on disk, the sandbox's root owns inside.
//!
//! Here because it needs a system call that no safe wrapper offers. Only ever for directories that hold nothing secret:
//! the sandbox's root may read everything in them.
//! Must not know: sandboxes.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

use rustix::{fs::CWD, mount::OpenTreeFlags};

/// Clones `path` as a detached mount, ids as they are.
///
/// # Errors
/// `EPERM` without privilege over the mount namespace.
pub fn clone(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    Ok(rustix::mount::open_tree(CWD, path, flags)?)
}

/// Clones `path` as a detached mount whose ids are mapped by `user_namespace`.
///
/// # Errors
/// `EPERM` without privilege over the file system, `EINVAL` where the kernel or the file system cannot map ids.
pub fn clone_mapped(path: &Path, user_namespace: impl AsFd) -> io::Result<OwnedFd> {
    let tree = clone(path)?;
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: user_namespace.as_fd().as_raw_fd() as u64,
    };
    // SAFETY: the path is a constant empty C string and the attributes live across the call, with their own size.
    let done = unsafe {
        let (flags, size) = (libc::AT_EMPTY_PATH, size_of::<libc::mount_attr>());
        libc::syscall(libc::SYS_mount_setattr, tree.as_raw_fd(), c"".as_ptr(), flags, &attributes, size)
    };
    match done {
        0 => Ok(tree),
        _ => Err(io::Error::last_os_error()),
    }
}
