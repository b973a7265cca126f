//! The shared layers as a sandbox with an id block of its own sees them: its root owns what root owns on disk.
//! Must not know: what the layers hold.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, PermissionsExt, lchown, symlink},
    },
    path::{Path, PathBuf},
};

use jetway_agent::idmap;

use super::{birth::context, ids};
use crate::runtime::RuntimeError;

/// Maps the user namespace of process `pid` to the block at `base`.
pub fn map_ids(pid: u32, base: u32) -> Result<(), RuntimeError> {
    let line = format!("0 {base} {}\n", ids::SIZE);
    for file in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{pid}/{file}"), &line).map_err(context("map the sandbox's user ids"))?;
    }
    Ok(())
}

/// The layers as mounts whose ids are those of `namespace`, which is mapped to the block at `base`.
pub fn mounts(layers: &[PathBuf], namespace: &fs::File, base: u32, home: &Path) -> Result<Vec<OwnedFd>, RuntimeError> {
    let mount = |(index, layer): (usize, &PathBuf)| {
        // Old kernels and some file systems (overlays, network ones) cannot map ids: there each sandbox gets a copy.
        idmap::clone_mapped(layer, namespace).or_else(|_| {
            let own = home.join(format!("{index}.layer"));
            copy(layer, &own, base)?;
            idmap::clone(&own)
        })
    };
    layers.iter().enumerate().map(mount).collect::<io::Result<_>>().map_err(context("give the sandbox its layers"))
}

/// Copies a tree and shifts its owners into the block.
fn copy(from: &Path, to: &Path, base: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if found.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), base)?;
        }
    } else {
        fs::copy(from, to)?;
    }
    lchown(to, Some(base + found.uid() % ids::SIZE), Some(base + found.gid() % ids::SIZE))?;
    if found.is_symlink() {
        return Ok(());
    }
    // After the owner, whose change clears mode bits.
    fs::set_permissions(to, fs::Permissions::from_mode(found.mode() & 0o7777))
}
