//! A directory here as a tar stream. Must not know: where the stream goes.

use std::{
    fs::{self, File, Metadata},
    io::{self, BufWriter, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use jetway::sandbox::FileEntry;
use tar::{Builder, EntryType, Header};

use super::{Known, pipe::Sink, seconds};
use crate::progress::Progress;

/// As much as goes to the network at once.
const CHUNK: usize = 256 * 1024;
/// What tar cuts everything into.
const BLOCK: u64 = 512;

/// What is to be packed.
#[derive(Debug, Default)]
pub struct Plan {
    items: Vec<Item>,
    /// Of all files.
    pub bytes: u64,
}

#[derive(Debug)]
struct Item {
    path: PathBuf,
    /// Below the directory.
    name: PathBuf,
    about: Metadata,
}

/// Looks at everything in a directory; what is known to be there already is left out.
pub fn plan(root: &Path, follow: bool, there: &Known) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut folders = vec![(root.to_owned(), PathBuf::new())];
    while let Some((folder, name)) = folders.pop() {
        let said = || folder.display().to_string();
        let mut entries: Vec<_> =
            fs::read_dir(&folder).with_context(said)?.collect::<Result<_, _>>().with_context(said)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), name.join(entry.file_name()));
            let about = if follow { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
            let about = about.with_context(|| path.display().to_string())?;
            if about.is_dir() {
                folders.push((path.clone(), name.clone()));
            } else if about.is_file() {
                let changed = about.modified().map(seconds).unwrap_or_default();
                if there.get(&*name.to_string_lossy()) == Some(&(about.len(), changed)) {
                    continue;
                }
                plan.bytes += about.len();
            } else if !about.is_symlink() {
                // Pipes and sockets are nothing to copy.
                continue;
            }
            plan.items.push(Item { path, name, about });
        }
    }
    Ok(plan)
}

/// Packs it.
pub fn pack(plan: Plan, sink: Sink, progress: &Progress) -> Result<()> {
    let mut tar = Builder::new(BufWriter::with_capacity(CHUNK, sink));
    for Item { path, name, about } in plan.items {
        append(&mut tar, &path, &name, &about, progress).with_context(|| path.display().to_string())?;
    }
    let whole = tar.into_inner().and_then(|rest| rest.into_inner().map_err(io::IntoInnerError::into_error));
    whole.map(drop).context("the archive cannot be sent")
}

fn append(
    tar: &mut Builder<BufWriter<Sink>>,
    path: &Path,
    name: &Path,
    about: &Metadata,
    progress: &Progress,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(about.permissions().mode() & 0o777);
    header.set_mtime(about.modified().map(seconds).unwrap_or_default());
    header.set_size(0);
    if about.is_dir() {
        header.set_entry_type(EntryType::Directory);
        return tar.append_data(&mut header, name, io::empty());
    }
    if about.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        return tar.append_link(&mut header, name, fs::read_link(path)?);
    }
    header.set_entry_type(EntryType::Regular);
    header.set_size(about.len());
    let mut content = Exactly { file: File::open(path)?, left: about.len(), progress };
    tar.append_data(&mut header, name, &mut content)
}

/// As many bytes as were announced, or an error: an archive that lies would break everything after it.
struct Exactly<'a> {
    file: File,
    left: u64,
    progress: &'a Progress,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::other("it became shorter while it was copied"));
        }
        self.left -= count as u64;
        self.progress.add(count);
        Ok(count)
    }
}

/// How much of a tar stream something takes.
pub fn room(entry: &FileEntry) -> u64 {
    let content = if entry.kind == jetway::sandbox::FileKind::File { entry.size } else { 0 };
    BLOCK + content.div_ceil(BLOCK) * BLOCK
}
