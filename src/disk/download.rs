//! A directory of a sandbox on its way to this machine. What comes is somebody else's word: nothing of it may land outside
//! of the directory. Must not know: how the archive is made there.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use bytes::{Buf, Bytes};
use futures::StreamExt;
use tokio::sync::mpsc;

use super::{Counter, FileProgress, TransferOptions, Transferred, blocking, here};
use crate::{
    error::{Error, ErrorKind},
    process::check_path,
    sandbox::{FileOperation, FileSystem, IgnoreRules},
};

/// Pieces between the process and the disk.
const QUEUE: usize = 16;

impl FileSystem {
    /// Gets what a directory of the sandbox holds into a directory of this machine, which is made where it is missing:
    /// files, directories and links, with their permissions and times. What is there already stays beside it.
    ///
    /// # Errors
    /// What the machine says against writing; file, with `filepath` in its metadata; not supported, where the sandbox has
    /// no `tar`; as any call.
    pub async fn download(
        &self,
        path: &str,
        target: impl AsRef<Path>,
        options: TransferOptions,
    ) -> Result<Transferred, Error> {
        check_path("path", path)?;
        let (target, TransferOptions { ignore, listener }) = (target.as_ref().to_owned(), options);
        let counter = Counter::new(listener, FileProgress::default());
        let process = self.exec(FileOperation::Download.command(path), false);
        let gone = || Error::new(ErrorKind::Other, "the output was taken before");
        let mut output = process.stdout().ok_or_else(gone)?;
        let (pieces, queue) = mpsc::channel(QUEUE);
        let unpacked = counter.clone();
        let unpacking =
            blocking(move || unpack(Pieces { queue, rest: Bytes::new(), counter: unpacked }, &target, &ignore));
        let receiving = async {
            while let Some(piece) = output.next().await {
                if pieces.send(piece?).await.is_err() {
                    return Ok(false);
                }
            }
            drop(pieces);
            Ok(true)
        };
        let (unpacked, received) = futures::join!(unpacking, receiving);
        match (received?, unpacked) {
            // Nobody reads it to its end: dropping it kills it.
            (false, Err(error)) => Err(error),
            (_, unpacked) => {
                // Why an archive ended early, its process knows better.
                let result = process.result().await?;
                FileOperation::Download.check(path, result.exit_code, &result.stderr_text())?;
                unpacked.map(|()| counter.sum())
            }
        }
    }
}

fn unpack(pieces: Pieces, target: &Path, ignore: &IgnoreRules) -> Result<(), Error> {
    let counter = pieces.counter.clone();
    fs::create_dir_all(target).map_err(here(target))?;
    let mut archive = tar::Archive::new(pieces);
    archive.set_preserve_mtime(true);
    archive.set_unpack_xattrs(false);
    let odd = |error: io::Error| {
        let text = format!("what came is no whole tar archive: {error}");
        Error::new(ErrorKind::Protocol, text).with_source(error)
    };
    // A directory that may not be written to would keep its own entries out: its permissions come last.
    let mut directories: Vec<(PathBuf, u32)> = Vec::new();
    for entry in archive.entries().map_err(odd)? {
        let mut entry = entry.map_err(odd)?;
        let path = entry.path().map_err(odd)?.into_owned();
        let name = path.to_string_lossy().trim_start_matches("./").trim_end_matches('/').to_owned();
        let kind = entry.header().entry_type();
        if name.is_empty() || name == "." || ignore.ignores(&name, kind.is_dir()) {
            continue;
        }
        counter.begin(&name, entry.size());
        if kind.is_dir() {
            directories.push((target.join(&name), entry.header().mode().map_err(odd)?));
            entry.set_preserve_permissions(false);
        }
        let place = target.join(&name);
        // False for what would land outside of it.
        if !entry.unpack_in(target).map_err(here(&place))? {
            let text = format!("the archive names {name:?}, which is outside of its directory");
            return Err(Error::new(ErrorKind::Protocol, text));
        }
        counter.end(kind.is_file());
    }
    for (place, mode) in directories.iter().rev() {
        permit(place, *mode)?;
    }
    // The archive ends before its stream does: what fills it up has to be read, or its writer breaks off.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop).map_err(odd)
}

#[cfg(unix)]
fn permit(place: &Path, mode: u32) -> Result<(), Error> {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode & 0o777);
    fs::set_permissions(place, permissions).map_err(here(place))
}

#[cfg(not(unix))]
fn permit(_: &Path, _: u32) -> Result<(), Error> {
    Ok(())
}

/// What comes from the process, read by a thread that may wait.
struct Pieces {
    queue: mpsc::Receiver<Bytes>,
    rest: Bytes,
    counter: Counter,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.queue.blocking_recv() {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        self.counter.add(count);
        Ok(count)
    }
}
