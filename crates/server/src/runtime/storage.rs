//! What lies beside a sandbox's root: volumes, where they are seen, and trees that are saved and restored.
//! Must not know: the wire, the store, how a backend keeps them.

use std::path::PathBuf;

/// A directory beside the roots of a sandbox's containers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VolumePlan {
    /// Unique in the sandbox.
    pub name: String,
    /// What it lies on.
    pub source: VolumeSource,
    /// A saved tree to fill it from before anything starts.
    pub restore: Option<PathBuf>,
}

/// What a volume lies on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum VolumeSource {
    /// The machine's disk, without a limit; gone with the sandbox.
    Disk,
    /// Memory, up to so many bytes, which count as the sandbox's own; gone with the sandbox.
    Memory {
        /// Bytes.
        size: u64,
    },
    /// A directory that [`super::Runtime::create_volume`] made; it stays, and other sandboxes may see it, too.
    Kept {
        /// Its name.
        key: String,
    },
}

/// A place in a container where a volume is seen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MountPlan {
    /// Which volume, by name.
    pub volume: String,
    /// Absolute path inside; made when missing.
    pub path: String,
    /// The directory of the volume that is meant, relative; empty for all of it.
    pub sub_path: String,
    /// Nothing can be changed through it.
    pub read_only: bool,
}

/// A directory tree of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreePlace {
    /// All of a volume, by name.
    Volume(String),
    /// A directory of a container.
    Directory {
        /// Empty means the primary one.
        container: String,
        /// Absolute path inside.
        path: String,
    },
}

/// What a saved or restored tree came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeSum {
    /// Files, directories, links.
    pub entries: u64,
    /// Bytes of file contents, holes not counted.
    pub bytes: u64,
}
