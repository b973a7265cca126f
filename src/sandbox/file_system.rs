//! `sandbox.files()`: what can be done with files beside reading and writing whole ones.
//! Must not know: which transport carries the calls.

use bytes::Bytes;
use futures::{AsyncBufRead, Stream, StreamExt, TryStreamExt};

use super::{FileEntry, FileKind, FileOperation, MAX_FILE_BYTES, Sandbox, file_script};
use crate::{
    client,
    error::{Error, ErrorKind},
    platform::random_bytes,
    process::{ExecOptions, Process, ProcessOutput, check_path},
    wire,
};

/// The largest file that [`Sandbox::read_file`] takes into memory; [`FileSystem::read_stream`] has no limit.
pub const MAX_COLLECTED_BYTES: usize = 256 * 1024 * 1024;

/// The files of a sandbox, or of one of its containers. Links are not followed unless said.
#[derive(Debug, Clone)]
pub struct FileSystem {
    sandbox: Sandbox,
    container: Option<String>,
}

impl Sandbox {
    /// Its files.
    pub fn files(&self) -> FileSystem {
        FileSystem { sandbox: self.clone(), container: None }
    }
}

impl FileSystem {
    /// The files of another container.
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Reads a whole file, as [`Sandbox::read_file`].
    ///
    /// # Errors
    /// File, with `filepath` in its metadata; as any call.
    pub async fn read(&self, path: &str) -> Result<Bytes, Error> {
        let read = self.sandbox.read_in_one_call(path, self.container_name()).await;
        match read {
            Err(error) if error.reason() == Some("CWSANDBOX_FILE_TOO_LARGE") => {
                let mut stream = self.read_stream(path).await?;
                let mut whole = Vec::new();
                while let Some(part) = stream.next().await {
                    whole.extend_from_slice(&part?);
                    if whole.len() > MAX_COLLECTED_BYTES {
                        return Err(error.with_hint("Read it piece by piece: files().read_stream(path)"));
                    }
                }
                Ok(whole.into())
            }
            read => read,
        }
    }

    /// Creates or replaces a file of any size, its directories included. It appears whole or not at all.
    ///
    /// # Errors
    /// File, with `filepath` in its metadata; as any call.
    pub async fn write(&self, path: &str, content: impl Into<Bytes>) -> Result<(), Error> {
        let content = content.into();
        if content.len() <= MAX_FILE_BYTES {
            return self.sandbox.write_in_one_call(path, content, self.container_name()).await;
        }
        self.write_stream(path, futures::stream::iter([Ok(content)])).await.map(drop)
    }

    /// Reads a file piece by piece; whoever does not read holds it up. A file that did not arrive whole ends with an error.
    ///
    /// # Errors
    /// Validation for a path that is not absolute; the stream's errors are file errors.
    pub async fn read_stream(&self, path: &str) -> Result<FileReader, Error> {
        check_path("path", path)?;
        let process = self.exec(FileOperation::Read.command(path), false);
        let gone = || Error::new(ErrorKind::Other, "the output was taken before");
        let output = process.stdout().ok_or_else(gone)?;
        Ok(FileReader { path: path.to_owned(), process, output, received: 0, ended: false })
    }

    /// Writes a file of any size piece by piece, and says how long it became. It appears whole or not at all.
    ///
    /// # Errors
    /// What the content fails with; file, with `filepath` in its metadata; as any call.
    pub async fn write_stream(
        &self,
        path: &str,
        content: impl Stream<Item = Result<Bytes, Error>>,
    ) -> Result<u64, Error> {
        check_path("path", path)?;
        let part = part_of(path)?;
        let written = self.pour(&part, content).await;
        match written {
            Ok(size) => {
                self.run(&part, &FileOperation::Commit { to: path.to_owned(), size }).await?;
                Ok(size)
            }
            Err(error) => {
                // What is left of it is in nobody's way; why it failed is what matters.
                let _ = self.run(&part, &FileOperation::Remove { recursive: false }).await;
                Err(error)
            }
        }
    }

    async fn pour(&self, part: &str, content: impl Stream<Item = Result<Bytes, Error>>) -> Result<u64, Error> {
        let mut process = self.exec(FileOperation::Write.command(part), true);
        let mut stdin = process.stdin().ok_or_else(|| Error::new(ErrorKind::Other, "the process takes no input"))?;
        let mut content = std::pin::pin!(content);
        let (mut size, mut failed) = (0, None);
        while let Some(bytes) = content.next().await {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            size += bytes.len() as u64;
            // Why it reads no more, its end says.
            if stdin.write(bytes).await.is_err() {
                break;
            }
        }
        // Ended, not killed, also when the content broke off: what it writes must be there to be removed.
        drop(stdin);
        let result = process.result().await?;
        if let Some(error) = failed {
            return Err(error);
        }
        FileOperation::Write.check(part, result.exit_code, &result.stderr_text())?;
        Ok(size)
    }

    /// What lies in a directory, by path. `depth` 1 is the directory itself.
    ///
    /// # Errors
    /// File, with `filepath` in its metadata; not supported, where the sandbox has no `find` or `stat`; as any call.
    pub async fn list(&self, path: &str, depth: u32) -> Result<Vec<FileEntry>, Error> {
        if depth == 0 {
            return Err(Error::invalid("depth", "must be at least 1"));
        }
        Ok(file_script::entries(path, &self.run(path, &FileOperation::List { depth }).await?))
    }

    /// What a file is; links are followed.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn stat(&self, path: &str) -> Result<FileEntry, Error> {
        let printed = self.run(path, &FileOperation::Stat).await?;
        let odd = || Error::new(ErrorKind::Protocol, format!("stat printed {printed:?}"));
        file_script::entry(&printed).ok_or_else(odd)
    }

    /// Whether there is something at this path.
    ///
    /// # Errors
    /// As any call.
    pub async fn exists(&self, path: &str) -> Result<bool, Error> {
        match self.stat(path).await {
            Ok(_) => Ok(true),
            Err(error) if error.reason() == Some("CWSANDBOX_FILE_NOT_FOUND") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether there is a directory at this path.
    ///
    /// # Errors
    /// As any call.
    pub async fn is_dir(&self, path: &str) -> Result<bool, Error> {
        match self.stat(path).await {
            Ok(entry) => Ok(entry.kind == FileKind::Directory),
            Err(error) if error.reason() == Some("CWSANDBOX_FILE_NOT_FOUND") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a directory and those above it. One that is there is fine.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn make_dir(&self, path: &str) -> Result<(), Error> {
        self.apply(path, &FileOperation::MakeDir { parents: true }).await
    }

    /// Gives a file or directory another path.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn rename(&self, path: &str, to: &str) -> Result<(), Error> {
        self.apply(path, &FileOperation::Rename { to: to.to_owned() }).await
    }

    /// Copies a file, or a directory with all that is in it.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn copy(&self, path: &str, to: &str) -> Result<(), Error> {
        self.apply(path, &FileOperation::Copy { to: to.to_owned() }).await
    }

    /// Removes a file, or a directory: an empty one, or `recursive`.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn remove(&self, path: &str, recursive: bool) -> Result<(), Error> {
        self.apply(path, &FileOperation::Remove { recursive }).await
    }

    /// Does one thing to a file.
    ///
    /// # Errors
    /// File, with `filepath` in its metadata; not supported, where the sandbox lacks a program for it; as any call.
    pub async fn apply(&self, path: &str, operation: &FileOperation) -> Result<(), Error> {
        self.run(path, operation).await.map(drop)
    }

    async fn run(&self, path: &str, operation: &FileOperation) -> Result<String, Error> {
        check_path("path", path)?;
        if let FileOperation::Rename { to } | FileOperation::Copy { to } | FileOperation::Commit { to, .. } = operation
        {
            check_path("to", to)?;
        }
        let sandbox_id = self.sandbox.ready_for_work().await?;
        let request = wire::ExecRequest {
            sandbox_id,
            command: operation.command(path),
            container: self.container_name().to_owned(),
            ..Default::default()
        };
        let answer = client::exec::run(self.sandbox.client(), request, &self.sandbox.inner.calls).await?;
        operation.check(path, answer.exit_code, &String::from_utf8_lossy(&answer.stderr))?;
        if answer.stdout_truncated {
            let message = format!("{path} has too many entries for one answer; list it in parts");
            return Err(Error::new(ErrorKind::SandboxResourceExhausted, message).with_metadata("filepath", path));
        }
        Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
    }

    pub(crate) fn exec(&self, command: Vec<String>, stdin: bool) -> Process {
        let mut options = ExecOptions::default().stdin(stdin);
        options.container.clone_from(&self.container);
        self.sandbox.exec(command, options)
    }

    fn container_name(&self) -> &str {
        self.container.as_deref().unwrap_or_default()
    }
}

/// Where a file lies until it is whole: beside its place, so that moving it there is one step.
///
/// # Errors
/// Configuration, where the host has no randomness.
pub fn part_of(path: &str) -> Result<String, Error> {
    let none = || Error::new(ErrorKind::Configuration, "this host has no source of randomness for file names");
    let random = random_bytes::<6>().ok_or_else(none)?;
    Ok(format!("{path}.{}.part", random.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// A file as it comes. Dropping it ends the reading.
///
/// ```no_run
/// # async fn example(sandbox: jetway::Sandbox) -> Result<(), Box<dyn std::error::Error>> {
/// use futures::AsyncBufReadExt;
///
/// let mut lines = sandbox.files().read_stream("/var/log/app.log").await?.into_async_read().lines();
/// while let Some(line) = futures::StreamExt::next(&mut lines).await {
///     println!("{}", line?);
/// }
/// # Ok(())
/// # }
/// ```
pub struct FileReader {
    path: String,
    process: Process,
    output: ProcessOutput,
    received: u64,
    ended: bool,
}

impl FileReader {
    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Unpin + use<> {
        Box::pin(futures::stream::unfold(self, |mut reader| async move { Some((reader.next().await?, reader)) }))
    }

    /// The same as a reader.
    pub fn into_async_read(self) -> impl AsyncBufRead + Unpin + use<> {
        self.into_stream().map_err(std::io::Error::from).into_async_read()
    }

    /// The next piece; `None` at the end of a file that arrived whole, and after an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        if self.ended {
            return None;
        }
        match self.output.next().await {
            Some(Ok(bytes)) => {
                self.received += bytes.len() as u64;
                Some(Ok(bytes))
            }
            Some(Err(error)) => {
                self.ended = true;
                Some(Err(error))
            }
            None => {
                self.ended = true;
                let whole = self.process.result().await.and_then(|result| {
                    FileOperation::Read.check_read(&self.path, result.exit_code, &result.stderr_text(), self.received)
                });
                whole.err().map(Err)
            }
        }
    }
}
