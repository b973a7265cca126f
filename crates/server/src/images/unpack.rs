//! A layer's tar archive, entry by entry, into a [`Tree`]. Extension headers are read here, with a bound, because the
//! archive says how long they are.
//! Must not know: compression, digests, where the archive comes from.

use std::{
    ffi::OsStr,
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use tar::{Archive, Entry, EntryType, PaxExtensions};

use super::{
    ImageError,
    reading::Budget,
    tree::{Attributes, Tree},
};

/// Longest extension header; a path takes 4 KiB at most.
const MAX_EXTENSION: u64 = 1 << 20;
/// What marks a file as the absence of another.
const WHITEOUT: &[u8] = b".wh.";
/// What marks a directory as hiding everything below it.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What extension headers say about the entry that follows.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    uid: Option<u64>,
    gid: Option<u64>,
}

/// Unpacks `archive`, which is not compressed.
///
/// # Errors
/// [`ImageError::Hostile`], [`ImageError::TooLarge`], [`ImageError::Unsupported`], [`ImageError::Io`].
pub fn unpack(archive: impl Read, tree: &mut Tree, budget: &mut Budget) -> Result<(), ImageError> {
    let mut archive = Archive::new(archive);
    let broken = || ImageError::io("read the archive");
    let mut extensions = Extensions::default();
    for entry in archive.entries().map_err(broken())?.raw(true) {
        let mut entry = entry.map_err(broken())?;
        if extensions.read(&mut entry)? {
            continue;
        }
        let said = std::mem::take(&mut extensions);
        place(entry, said, tree, budget)?;
    }
    Ok(())
}

fn place<R: Read>(
    mut entry: Entry<'_, R>,
    said: Extensions,
    tree: &mut Tree,
    budget: &mut Budget,
) -> Result<(), ImageError> {
    let raw = said.name.unwrap_or_else(|| entry.path_bytes().into_owned());
    let path = inside(&raw)?;
    let attributes = attributes(&entry, said.uid, said.gid)?;
    let name = path.file_name().unwrap_or_default().as_bytes();
    if path.parent().is_some_and(|parent| parent.iter().any(|part| part.as_bytes().starts_with(WHITEOUT))) {
        return Err(hostile(&raw, "has a directory whose name is reserved for whiteouts"));
    }
    if let Some(hidden) = name.strip_prefix(WHITEOUT) {
        let directory = path.parent().unwrap_or(Path::new(""));
        return match hidden {
            _ if name == OPAQUE => tree.opaque(directory, budget),
            // Book-keeping of another file system.
            hidden if hidden.starts_with(WHITEOUT) => Ok(()),
            b"" | b"." | b".." => Err(hostile(&raw, "hides no file, or the directory itself")),
            hidden => tree.whiteout(&directory.join(OsStr::from_bytes(hidden)), budget),
        };
    }
    let target = || match said.target.clone().or_else(|| entry.link_name_bytes().map(|name| name.into_owned())) {
        Some(target) if !target.is_empty() && !target.contains(&0) => Ok(target),
        _ => Err(hostile(&raw, "is a link without a target")),
    };
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => tree.file(&path, attributes, &mut entry, budget),
        EntryType::Directory => tree.directory(&path, attributes, budget),
        EntryType::Symlink => {
            let target = target()?;
            tree.symlink(&path, OsStr::from_bytes(&target), attributes, budget)
        }
        EntryType::Link => {
            let target = inside(&target()?)?;
            tree.link(&path, &target, budget)
        }
        EntryType::Fifo => tree.pipe(&path, attributes, budget),
        // Sandboxes have devices of their own, and a device from an archive would be the host's.
        EntryType::Char | EntryType::Block => Ok(()),
        EntryType::GNUSparse => {
            Err(ImageError::Unsupported(format!("{}: sparse entries are not read; repack the archive", path.display())))
        }
        // Volume labels and the like.
        _ => Ok(()),
    }
}

impl Extensions {
    /// Whether the entry was an extension header, which is then taken in.
    fn read<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<bool, ImageError> {
        let kind = entry.header().entry_type();
        match kind {
            EntryType::XGlobalHeader => return Ok(true),
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader => {}
            _ => return Ok(false),
        }
        if entry.size() > MAX_EXTENSION {
            return Err(hostile(&entry.path_bytes(), "has an extension header that is longer than any path"));
        }
        let mut bytes = Vec::new();
        entry.take(MAX_EXTENSION).read_to_end(&mut bytes).map_err(ImageError::io("read the archive"))?;
        match kind {
            EntryType::GNULongName => self.name = Some(terminated(bytes)),
            EntryType::GNULongLink => self.target = Some(terminated(bytes)),
            _ => self.records(&bytes)?,
        }
        Ok(true)
    }

    fn records(&mut self, bytes: &[u8]) -> Result<(), ImageError> {
        for record in PaxExtensions::new(bytes) {
            let record = record.map_err(ImageError::io("read the archive's extension headers"))?;
            let value = record.value_bytes();
            let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            match record.key_bytes() {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"uid" => self.uid = number(),
                b"gid" => self.gid = number(),
                b"size" => {
                    let text = "the archive holds a file of 8 GiB or more; put such data in a volume instead";
                    return Err(ImageError::Unsupported(text.into()));
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    let text = "sparse entries are not read; repack the archive without --sparse";
                    return Err(ImageError::Unsupported(text.into()));
                }
                // Times, names of owners, and extended attributes: those of overlays would be tricks, capabilities of
                // files have no effect in a sandbox.
                _ => {}
            }
        }
        Ok(())
    }
}

/// A path below the root. Leading slashes mean the root; a path that climbs is refused, wherever it would end.
fn inside(raw: &[u8]) -> Result<PathBuf, ImageError> {
    if raw.contains(&0) || raw.len() > 4096 {
        return Err(hostile(raw, "is no path: it is too long, or has a NUL in it"));
    }
    let mut path = PathBuf::new();
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(hostile(raw, "climbs out of its directory with '..'")),
            part if part.len() > 255 => return Err(hostile(raw, "has a name that is longer than 255 bytes")),
            part => path.push(OsStr::from_bytes(part)),
        }
    }
    Ok(path)
}

fn attributes<R: Read>(entry: &Entry<'_, R>, uid: Option<u64>, gid: Option<u64>) -> Result<Attributes, ImageError> {
    let header = entry.header();
    let broken = || ImageError::io("read an entry's header");
    let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
    Ok(Attributes {
        mode: header.mode().map_err(broken())?,
        uid: id(uid.map_or_else(|| header.uid(), Ok).map_err(broken())?),
        gid: id(gid.map_or_else(|| header.gid(), Ok).map_err(broken())?),
        modified: header.mtime().unwrap_or(0).try_into().unwrap_or(0),
    })
}

fn terminated(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

fn hostile(raw: &[u8], reason: &str) -> ImageError {
    let entry: String = String::from_utf8_lossy(raw).chars().take(200).collect();
    ImageError::Hostile { entry, reason: reason.into() }
}
