//! What changes below a path of a sandbox, by whatever it has to see that with. The package sends the same two programs.
//! Must not know: which transport carries it.

use bytes::Bytes;
use futures::StreamExt;

use super::{FileSystem, file_script};
use crate::{
    error::{Error, ErrorKind},
    process::{Process, ProcessOutput, check_path},
};

const WATCH: &str = include_str!("watch.sh");
const INOTIFY: &str = include_str!("inotify.py");

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileChangeKind {
    /// It is there now.
    Create,
    /// Its content or its permissions are others.
    Modify,
    /// It is gone.
    Remove,
    /// There was more than could be told: look at the directory again.
    Overflow,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// What happened.
    pub kind: FileChangeKind,
    /// To what, absolute.
    pub path: String,
}

/// Changes as they happen. Dropping it ends the watching.
pub struct FileWatcher {
    path: String,
    process: Process,
    output: ProcessOutput,
    /// What came and was not told yet.
    held: Vec<u8>,
    ended: bool,
}

impl FileSystem {
    /// Watches a directory, with `recursive` also what is below it, or a file. When this resolves, changes are seen.
    ///
    /// # Errors
    /// File, with `filepath` in its metadata; not supported, where the sandbox has neither Python nor `find`, `stat` and
    /// `diff`; as any call.
    pub async fn watch(&self, path: &str, recursive: bool) -> Result<FileWatcher, Error> {
        check_path("path", path)?;
        let command = ["/bin/sh", "-c", WATCH, "sh", path, if recursive { "1" } else { "0" }, INOTIFY];
        let process = self.exec(command.map(str::to_owned).to_vec(), false);
        let gone = || Error::new(ErrorKind::Other, "the output was taken before");
        let output = process.stdout().ok_or_else(gone)?;
        let mut watcher = FileWatcher { path: path.to_owned(), process, output, held: Vec::new(), ended: false };
        match watcher.record().await {
            Some(armed) => armed.map(|_| watcher),
            None => Err(Error::new(ErrorKind::Protocol, format!("watching {path} ended before it began"))),
        }
    }
}

impl FileWatcher {
    /// The next change; `None` once what was watched is gone, and after an error.
    pub async fn next(&mut self) -> Option<Result<FileChange, Error>> {
        loop {
            let record = match self.record().await? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            let Some((kind, path)) = record.split_once(' ') else { continue };
            let kind = match kind {
                "create" => FileChangeKind::Create,
                "modify" => FileChangeKind::Modify,
                "remove" => FileChangeKind::Remove,
                _ => FileChangeKind::Overflow,
            };
            return Some(Ok(FileChange { kind, path: path.to_owned() }));
        }
    }

    async fn record(&mut self) -> Option<Result<String, Error>> {
        loop {
            if let Some(end) = self.held.iter().position(|byte| *byte == 0) {
                let record = String::from_utf8_lossy(&self.held[..end]).into_owned();
                self.held.drain(..=end);
                return Some(Ok(record));
            }
            if self.ended {
                return None;
            }
            let next: Option<Result<Bytes, Error>> = self.output.next().await;
            match next {
                Some(Ok(bytes)) => self.held.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => {
                    self.ended = true;
                    let ended = self.process.result().await.and_then(|result| {
                        file_script::outcome("watch", &self.path, result.exit_code, &result.stderr_text())
                    });
                    return ended.err().map(Err);
                }
            }
        }
    }
}
