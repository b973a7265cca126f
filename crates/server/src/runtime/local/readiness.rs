//! Descriptors of kinds that tokio has no type for (process descriptors, terminals), watched by its event loop.
//! Must not know: what they are.

use std::{io, os::fd::OwnedFd, sync::Arc};

use tokio::io::unix::AsyncFd;

/// Watches a descriptor for as long as the result lives.
///
/// # Errors
/// The system's, e.g. for a regular file.
pub fn watch(descriptor: Arc<OwnedFd>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: an `OwnedFd` stays open and keeps its number until it is dropped, and the `AsyncFd` holds a share of it.
    unsafe { AsyncFd::register(descriptor) }.map_err(Into::into)
}
