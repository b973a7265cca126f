//! One layer on its way into the store: read once, decompressed, counted, hashed, unpacked, and only kept when its bytes
//! are the ones that were announced.
//! Must not know: manifests, registries.

use std::{
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    ImageError,
    reading::{Budget, Hashing, check, decompress, hex_digest},
    store::{Draft, Images},
    tree::{Attributes, Tree},
    unpack::unpack,
};

/// What is known of a layer before it is read.
#[derive(Debug, Default)]
pub struct Announced<'a> {
    /// Digest of the bytes as they arrive.
    pub blob: Option<&'a str>,
    /// Digest of the archive once it is decompressed.
    pub content: Option<&'a str>,
}

/// An archive that was unpacked and not kept yet.
pub struct Unpacked {
    pub(super) draft: Draft,
    /// Digest of the archive once it was decompressed.
    pub content: String,
    /// Its length.
    pub size: u64,
}

impl Images {
    /// Takes one layer in; its digest and size. One that is here already is not read.
    pub(super) fn add_layer(
        &self,
        reader: impl Read,
        announced: &Announced<'_>,
        budget: &mut Budget,
    ) -> Result<(String, u64), ImageError> {
        let Unpacked { draft, content, size } = self.unpack(reader, announced, budget)?;
        draft.settle(&self.layer(&content))?;
        Ok((content, size))
    }

    /// Unpacks an archive into a directory that is still nobody's.
    pub(super) fn unpack(
        &self,
        reader: impl Read,
        announced: &Announced<'_>,
        budget: &mut Budget,
    ) -> Result<Unpacked, ImageError> {
        let draft = self.draft()?;
        let mut tree = Tree::new(draft.path()).map_err(ImageError::io("open a directory for a layer"))?;
        let mut blob = Hashing::new(reader, budget);
        let mut archive = Hashing::new(decompress(&mut blob)?, budget);
        unpack(&mut archive, &mut tree, budget)?;
        tree.finish()?;
        let broken = || ImageError::io("read the archive to its end");
        let (content, size) = archive.finish().map_err(broken())?;
        budget.bytes(size)?;
        let (received, _) = blob.finish().map_err(broken())?;
        if let Some(expected) = announced.blob {
            check("a layer", expected, &received)?;
        }
        if let Some(expected) = announced.content {
            check("an unpacked layer", expected, &content)?;
        }
        Ok(Unpacked { draft, content, size })
    }

    /// Copies a directory of the host as a layer; links are copied, never followed.
    pub(super) fn copy_layer(&self, from: &Path, budget: &mut Budget) -> Result<(String, u64), ImageError> {
        let draft = self.draft()?;
        let mut copy = Copy {
            tree: Tree::new(draft.path()).map_err(ImageError::io("open a directory for a layer"))?,
            hash: Sha256::new(),
            size: 0,
        };
        copy.directory(from, Path::new(""), budget)?;
        copy.tree.finish()?;
        let content = hex_digest(copy.hash);
        draft.settle(&self.layer(&content))?;
        Ok((content, copy.size))
    }
}

struct Copy {
    tree: Tree,
    hash: Sha256,
    size: u64,
}

impl Copy {
    fn directory(&mut self, from: &Path, to: &Path, budget: &mut Budget) -> Result<(), ImageError> {
        let broken = |path: &Path| ImageError::io(format!("read {}", path.display()));
        let found = fs::symlink_metadata(from).map_err(broken(from))?;
        self.note(to, &found, b"directory");
        self.tree.directory(to, attributes(&found), budget)?;
        let mut entries: Vec<PathBuf> =
            fs::read_dir(from).map_err(broken(from))?.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            let to = to.join(entry.file_name().unwrap_or_default());
            let found = fs::symlink_metadata(&entry).map_err(broken(&entry))?;
            if found.is_dir() {
                self.directory(&entry, &to, budget)?;
            } else if found.is_symlink() {
                let target = fs::read_link(&entry).map_err(broken(&entry))?;
                self.note(&to, &found, target.as_os_str().as_encoded_bytes());
                self.tree.symlink(&to, target.as_os_str(), attributes(&found), budget)?;
            } else if found.is_file() {
                let file = fs::File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(&entry);
                let mut content = Hashing::new(file.map_err(broken(&entry))?, budget);
                self.tree.file(&to, attributes(&found), &mut content, budget)?;
                let (digest, size) = content.finish().map_err(broken(&entry))?;
                budget.bytes(size)?;
                self.size += size;
                self.note(&to, &found, digest.as_bytes());
            }
            // Devices, pipes and sockets of the host stay there.
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, found: &fs::Metadata, content: &[u8]) {
        self.hash.update(path.as_os_str().as_encoded_bytes());
        for number in [found.mode(), found.uid(), found.gid()] {
            self.hash.update(number.to_le_bytes());
        }
        self.hash.update(found.mtime().to_le_bytes());
        self.hash.update((content.len() as u64).to_le_bytes());
        self.hash.update(content);
    }
}

fn attributes(found: &fs::Metadata) -> Attributes {
    Attributes { mode: found.mode(), uid: found.uid(), gid: found.gid(), modified: found.mtime() }
}
