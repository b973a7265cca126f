//! A directory of this machine on its way into a sandbox. Must not know: what becomes of the archive there.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Counter, FileProgress, TransferOptions, Transferred, blocking, here};
use crate::{
    error::{Error, ErrorKind},
    process::check_path,
    sandbox::{FileOperation, FileSystem, IgnoreRules},
};

/// Pieces between the disk and the process.
const QUEUE: usize = 16;
/// What is read from a file at once, and so a piece.
const CHUNK: usize = 64 * 1024;

impl FileSystem {
    /// Puts what a directory of this machine holds into a directory of the sandbox, which is made where it is missing:
    /// files, directories and links, with their permissions and times. What is there already stays beside it.
    ///
    /// ```no_run
    /// # async fn example(sandbox: jetway::Sandbox) -> Result<(), jetway::Error> {
    /// use jetway::{TransferOptions, sandbox::IgnoreRules};
    /// let options = TransferOptions::new().ignore(IgnoreRules::new(["target/", ".git/"]));
    /// let went = sandbox.files().upload("my-project", "/workspace", options).await?;
    /// println!("{} files, {} bytes", went.files, went.bytes);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the machine says against reading; file, with `filepath` in its metadata; not supported, where the sandbox has
    /// no `tar`; as any call.
    pub async fn upload(
        &self,
        source: impl AsRef<Path>,
        path: &str,
        options: TransferOptions,
    ) -> Result<Transferred, Error> {
        check_path("path", path)?;
        let (root, TransferOptions { ignore, listener }) = (source.as_ref().to_owned(), options);
        let found = blocking(move || walk(root, &ignore)).await?;
        let files = found.iter().filter(|entry| entry.about.is_file());
        let (total_files, total_bytes) = files.fold((0, 0), |(n, sum), entry| (n + 1, sum + entry.about.len()));
        let totals = (Some(total_files), Some(total_bytes));
        let progress = FileProgress { total_files: totals.0, total_bytes: totals.1, ..FileProgress::default() };
        let counter = Counter::new(listener, progress);

        let mut process = self.exec(FileOperation::Upload.command(path), true);
        let mut stdin = process.stdin().ok_or_else(|| Error::new(ErrorKind::Other, "the process takes no input"))?;
        let (pieces, mut queue) = mpsc::channel(QUEUE);
        let packed = counter.clone();
        let packing = blocking(move || pack(found, pieces, &packed));
        let sending = async {
            while let Some(piece) = queue.recv().await {
                // Why it reads no more, its end says.
                if stdin.write(piece).await.is_err() {
                    break;
                }
            }
            // With this nobody waits for room any more.
            drop(queue);
            drop(stdin);
        };
        let (packed, ()) = futures::join!(packing, sending);
        let result = process.result().await?;
        // What is wrong here is why there was no more there.
        match packed {
            Err(error) if error.kind() != ErrorKind::SandboxNotRunning => return Err(error),
            _ => FileOperation::Upload.check(path, result.exit_code, &result.stderr_text())?,
        }
        Ok(counter.sum())
    }
}

/// Something below a directory.
struct Entry {
    path: String,
    place: PathBuf,
    about: Metadata,
}

/// What lies below a directory, parents first.
fn walk(root: PathBuf, ignore: &IgnoreRules) -> Result<Vec<Entry>, Error> {
    let mut found = Vec::new();
    let mut waiting = vec![(root, String::new())];
    while let Some((folder, above)) = waiting.pop() {
        for entry in fs::read_dir(&folder).map_err(here(&folder))? {
            let place = entry.map_err(here(&folder))?.path();
            let name = place.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
                Error::new(ErrorKind::Other, format!("{}: the name is no Unicode; rename it", place.display()))
            })?;
            let path = format!("{above}{name}");
            let about = fs::symlink_metadata(&place).map_err(here(&place))?;
            if ignore.ignores(&path, about.is_dir()) {
                continue;
            }
            if about.is_dir() {
                waiting.push((place.clone(), format!("{path}/")));
            }
            found.push(Entry { path, place, about });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn pack(entries: Vec<Entry>, pieces: mpsc::Sender<Bytes>, counter: &Counter) -> Result<(), Error> {
    let mut archive = tar::Builder::new(Pieces(pieces));
    for Entry { path, place, about } in entries {
        let size = if about.is_file() { about.len() } else { 0 };
        counter.begin(&path, size);
        let mut header = header(&about);
        let added = if about.is_file() {
            let mut content =
                Counting { content: File::open(&place).map_err(here(&place))?.take(size), counter, read: 0 };
            // What is announced must be what follows, also of a file that grows meanwhile.
            let added = archive.append_data(&mut header, &path, &mut content);
            if added.is_ok() && content.read < size {
                let text = format!("{} became shorter while it was read", place.display());
                return Err(Error::new(ErrorKind::Other, text));
            }
            added
        } else if about.is_symlink() {
            let target = fs::read_link(&place).map_err(here(&place))?;
            archive.append_link(&mut header, &path, target)
        } else if about.is_dir() {
            archive.append_data(&mut header, &path, io::empty())
        } else {
            // Devices, pipes and sockets mean something here only.
            continue;
        };
        added.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => ended(),
            _ => here(&place)(error),
        })?;
        counter.end(about.is_file());
    }
    archive.finish().map_err(|_| ended())
}

/// The other end reads no more; why, it says itself.
fn ended() -> Error {
    Error::new(ErrorKind::SandboxNotRunning, "the other end reads no more")
}

fn header(about: &Metadata) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(match () {
        () if about.is_dir() => tar::EntryType::Directory,
        () if about.is_symlink() => tar::EntryType::Symlink,
        () => tar::EntryType::Regular,
    });
    header.set_size(if about.is_file() { about.len() } else { 0 });
    header.set_mode(mode(about));
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    header.set_mtime(modified.unwrap_or_default().as_secs());
    header
}

#[cfg(unix)]
fn mode(about: &Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o7777
}

#[cfg(not(unix))]
fn mode(about: &Metadata) -> u32 {
    if about.is_dir() { 0o755 } else { 0o644 }
}

/// Tells of each read.
struct Counting<'a, R> {
    content: R,
    counter: &'a Counter,
    read: u64,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.read += read as u64;
        self.counter.add(read);
        Ok(read)
    }
}

/// Pieces for the process, written from a thread that may wait.
struct Pieces(mpsc::Sender<Bytes>);

impl Write for Pieces {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        for chunk in data.chunks(CHUNK) {
            let sent = self.0.blocking_send(Bytes::copy_from_slice(chunk));
            sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
