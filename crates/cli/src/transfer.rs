//! A file's bytes, both ways: in one call while they fit into one, as a process's stream beyond; whole or not at all.
//! Must not know: the command line.

use std::{
    fs::Metadata,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jetway::{ExecOptions, Process, Sandbox, sandbox::MAX_FILE_BYTES};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
};

use crate::signals::{Caught, Signals};

/// `$1` is the target, `$2` the name it gets in a directory, `$3` the size or nothing, `$4` the mode.
const RECEIVE: &str = r#"set -e
[ -d "$1" ] && set -- "${1%/}/$2" "$2" "$3" "$4"
d=${1%/*}; mkdir -p -- "${d:-/}"; t="$1.$$.part"; trap 'rm -f -- "$t"' EXIT; trap 'exit 1' HUP INT TERM
cat >"$t"
[ -z "$3" ] || [ "$(wc -c <"$t")" -eq "$3" ] || { echo "only a part of the file arrived" >&2; exit 1; }
chmod "$4" -- "$t"; mv -f -- "$t" "$1""#;

/// Prints `d`, or the size and whether it is executable.
const LOOK: &str = r#"if [ -d "$1" ]; then echo d; else [ -x "$1" ] && x=x; wc -c <"$1" && echo "$x"; fi"#;

/// As much as is read from a file at once.
const CHUNK: usize = 256 * 1024;
/// How long looking at a file may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// What is known about a file in a sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Remote {
    /// Bytes.
    pub size: u64,
    executable: bool,
}

/// Shows how far a copy is, where somebody looks.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of a file with this name; without a size only what has passed.
    pub fn of(name: &str, size: Option<u64>) -> Self {
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
        let template = match size {
            Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{msg} {spinner} {bytes} {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        Self(bar)
    }

    fn add(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Sends an open file. What changes size meanwhile is refused by the other end. Gives the signal that ended it, if any.
pub async fn upload(
    sandbox: &Sandbox,
    file: File,
    about: &Metadata,
    path: &str,
    name: &str,
    progress: Progress,
    signals: &mut Signals,
) -> Result<Option<Caught>> {
    let size = if about.is_file() { about.len().to_string() } else { String::new() };
    let mode = if about.permissions().mode() & 0o111 == 0 { "644" } else { "755" };
    let command = ["/bin/sh", "-c", RECEIVE, "sh", path, name, &size, mode];
    let mut process = sandbox.exec(command, ExecOptions::default().stdin(true));
    let Some(mut writer) = process.stdin() else { bail!("the process takes no input") };
    let mut chunks = Chunks(file);
    let sending = async {
        while let Some(chunk) = chunks.next().await? {
            let len = chunk.len();
            // It has ended: why is in its result.
            if writer.write(chunk).await.is_err() {
                break;
            }
            progress.add(len);
        }
        anyhow::Ok(())
    };
    let caught = tokio::select! {
        sent = sending => sent.map(|()| None)?,
        caught = signals.next() => Some(caught),
    };
    // The other end sees that it has a part only, and removes it. Without a size it cannot see that: it is killed.
    if caught.is_none() || about.is_file() {
        writer.close();
        let ended = tokio::select! {
            ended = finished(process, path) => ended.map(|_| None),
            again = signals.next() => Ok(Some(again)),
        };
        return if caught.is_some() { Ok(caught) } else { ended };
    }
    Ok(caught)
}

/// What a path in a sandbox is; `None` for a directory.
pub async fn look(sandbox: &Sandbox, path: &str) -> Result<Option<Remote>> {
    let command = ["/bin/sh", "-c", LOOK, "sh", path];
    let said = finished(sandbox.exec(command, ExecOptions::default().timeout(LOOK_LIMIT)), path).await?;
    let said = String::from_utf8_lossy(&said).into_owned();
    if said.trim() == "d" {
        return Ok(None);
    }
    let mut lines = said.lines().map(str::trim);
    let size = lines.next().and_then(|line| line.parse().ok());
    let size = size.with_context(|| format!("{path}: its size cannot be told"))?;
    Ok(Some(Remote { size, executable: lines.next() == Some("x") }))
}

/// Fetches a file.
pub async fn download(sandbox: &Sandbox, path: &str, about: Remote, target: &Path, progress: Progress) -> Result<()> {
    // Not in the place of a link or a device: in the file that it leads to, or into the device.
    let target = tokio::fs::canonicalize(target).await.unwrap_or_else(|_| target.to_owned());
    if tokio::fs::metadata(&target).await.is_ok_and(|target| !target.is_file()) {
        return fetch(sandbox, path, Remote { executable: false, ..about }, &target, &progress).await;
    }
    let draft = draft_of(&target);
    fetch(sandbox, path, about, &draft.0, &progress).await?;
    tokio::fs::rename(&draft.0, &target).await.with_context(|| target.display().to_string())
}

async fn fetch(sandbox: &Sandbox, path: &str, about: Remote, into: &Path, progress: &Progress) -> Result<()> {
    let mut file = File::create(into).await.with_context(|| into.display().to_string())?;
    let mut received = 0;
    let mut keep = async |data: Bytes| {
        received += data.len() as u64;
        progress.add(data.len());
        file.write_all(&data).await.with_context(|| into.display().to_string())
    };
    if about.size <= MAX_FILE_BYTES as u64 {
        keep(sandbox.read_file(path).await?).await?;
    } else {
        let process = sandbox.exec(["cat", "--", path], ExecOptions::default());
        if let Some(mut output) = process.stdout() {
            while let Some(data) = output.next().await {
                keep(data?).await?;
            }
        }
        finished(process, path).await?;
    }
    // Some special files have no size until they are read.
    if received < about.size {
        bail!("{path}: only {received} of {} bytes arrived", about.size);
    }
    if about.executable {
        let mode = file.metadata().await?.permissions().mode();
        // Executable for whom it is readable.
        let mode = mode | ((mode & 0o444) >> 2);
        file.set_permissions(PermissionsExt::from_mode(mode)).await.with_context(|| into.display().to_string())?;
    }
    file.flush().await.with_context(|| into.display().to_string())
}

/// A file that is not finished, removed unless it was renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn draft_of(target: &Path) -> Draft {
    let mut draft = target.as_os_str().to_owned();
    draft.push(format!(".{}.part", std::process::id()));
    Draft(draft.into())
}

/// Its output, or what it said against it.
async fn finished(process: Process, path: &str) -> Result<Bytes> {
    let result = process.await?;
    if result.ok() {
        return Ok(result.stdout);
    }
    let said = result.stderr_text();
    match said.lines().last() {
        Some(line) => bail!("{path}: {line}"),
        None => bail!("{path}: the copy ended with exit code {}", result.exit_code),
    }
}

struct Chunks<R>(R);

impl<R: AsyncRead + Unpin> Chunks<R> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let mut buffer = bytes::BytesMut::with_capacity(CHUNK);
        let count = self.0.read_buf(&mut buffer).await.context("the file cannot be read")?;
        Ok((count > 0).then(|| buffer.freeze()))
    }
}
