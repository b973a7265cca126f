//! Container images on disk: brought in from directories, archives and registries, kept as layers that images share.
//!
//! ```text
//! import ─┬─▶ archive (OCI layout, docker save) ─┐
//! pull ───┴──────────────────────────────────────┼─▶ layer: decompress, count, hash ─▶ unpack ─▶ tree (confined writes)
//! store: names/ (one small file per image)  layers/ (one directory per diff id, shared)  lock
//! ```
//! Nothing in an archive is trusted: names, links, sizes, digests and media types are all checked on the way in.
//! Must not know: sandboxes, mounts, the wire.

#[cfg(target_os = "linux")]
mod archive;
mod config;
#[cfg(target_os = "linux")]
mod import;
#[cfg(target_os = "linux")]
mod layer;
mod login;
#[cfg(target_os = "linux")]
mod pull;
#[cfg(target_os = "linux")]
mod reading;
#[cfg(target_os = "linux")]
mod registry_login;
#[cfg(target_os = "linux")]
mod store;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod unpack;

pub use config::ImageConfig;
pub use login::{Login, registry_of, same_registry};
#[cfg(target_os = "linux")]
pub use pull::Remote;
#[cfg(target_os = "linux")]
pub use store::{Hold, Image, Images};

/// How much one image may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Unpacked bytes of all its layers.
    pub bytes: u64,
    /// Files, directories and links of all its layers.
    pub entries: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 32 << 30, entries: 2_000_000 }
    }
}

/// Why an image could not be brought in, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The name is no image reference.
    #[error("{name:?} is no image name: {reason}; e.g. redis:7 or registry.example/team/app:1")]
    Name {
        /// As given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Not here.
    #[error("there is no image {0:?} here; `jetway image list` shows what there is")]
    Missing(String),
    /// The registry does not have it.
    #[error("{registry} has no image {image:?} ({reason}); check the name and the tag")]
    NotFound {
        /// The registry's address.
        registry: String,
        /// As asked for.
        image: String,
        /// What the registry said.
        reason: String,
    },
    /// The registry wants other credentials.
    #[error(
        "{registry} does not let us have {image:?} ({reason}); log in with `docker login {registry}` and try again"
    )]
    Denied {
        /// The registry's address.
        registry: String,
        /// As asked for.
        image: String,
        /// What the registry said.
        reason: String,
    },
    /// The registry cannot be reached, or broke off.
    #[error("image {image:?} cannot be had: the registry {registry} cannot be used: {reason}")]
    Unreachable {
        /// The registry's address.
        registry: String,
        /// As asked for.
        image: String,
        /// What happened.
        reason: String,
    },
    /// Bytes that are not what their digest says.
    #[error("{what} is not what its digest says: expected {expected}, got {actual}")]
    Digest {
        /// Manifest, configuration or layer.
        what: String,
        /// As announced.
        expected: String,
        /// As computed.
        actual: String,
    },
    /// More than one image may take.
    #[error("the image is larger than {limit} {unit} when unpacked, which is this server's limit")]
    TooLarge {
        /// How many.
        limit: u64,
        /// Bytes or files.
        unit: &'static str,
    },
    /// An entry that no honest archive has.
    #[error("the archive is refused: {entry:?} {reason}")]
    Hostile {
        /// The entry's name, as far as it can be shown.
        entry: String,
        /// What it tries.
        reason: String,
    },
    /// A format or feature that is not supported.
    #[error("{0}")]
    Unsupported(String),
    /// Sandboxes stand on it.
    #[error("image {0:?} is in use by a sandbox; stop it first")]
    InUse(String),
    /// The archive or a file of the store cannot be read or written.
    #[error("{context}: {source}")]
    Io {
        /// What was being done.
        context: String,
        /// The cause.
        source: std::io::Error,
    },
}

impl ImageError {
    /// For `map_err`: what was being done.
    pub(crate) fn io(context: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| match source.get_ref().is_some_and(|inner| inner.is::<Self>()) {
            // It only travelled through a reader.
            true => match source.into_inner().map(|inner| inner.downcast::<Self>()) {
                Some(Ok(inner)) => *inner,
                _ => Self::Unsupported("an image could not be read".into()),
            },
            false => Self::Io { context: context.into(), source },
        }
    }

    /// Through a reader, whose errors are the system's.
    pub(crate) fn through(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}
