//! A file's bytes, both ways: in one call while they fit into one, as a process's stream beyond; whole or not at all. A copy
//! that may be resumed keeps its part beside the target. Must not know: the command line, directories.

use std::{
    fs::Metadata,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::StreamExt;
use jetway::{ExecOptions, Process, Sandbox, sandbox::MAX_FILE_BYTES};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use crate::{
    progress::Progress,
    resume,
    signals::{Caught, Signals},
};

/// `$1` is the target, `$2` the name it gets in a directory, `$3` the size or nothing, `$4` the mode.
const RECEIVE: &str = r#"set -e
[ -d "$1" ] && set -- "${1%/}/$2" "$2" "$3" "$4"
d=${1%/*}; mkdir -p -- "${d:-/}"; t="$1.$$.part"; trap 'rm -f -- "$t"' EXIT; trap 'exit 1' HUP INT TERM
cat >"$t"
[ -z "$3" ] || [ "$(wc -c <"$t")" -eq "$3" ] || { echo "only a part of the file arrived" >&2; exit 1; }
chmod "$4" -- "$t"; mv -f -- "$t" "$1""#;

/// The same, from the byte `$5` on, where what came before lies in a part that outlives us.
const RECEIVE_ON: &str = r#"set -e
[ -d "$1" ] && set -- "${1%/}/$2" "$2" "$3" "$4" "$5"
d=${1%/*}; mkdir -p -- "${d:-/}"; t="$d/.${1##*/}.jetway-part"
[ "$5" -gt 0 ] || : >"$t"
cat >>"$t"
[ -z "$3" ] || [ "$(wc -c <"$t")" -eq "$3" ] ||
  { echo "only a part of the file arrived; the same command goes on from there" >&2; exit 1; }
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

/// Sends an open file. What changes size meanwhile is refused by the other end. Gives the signal that ended it, if any.
pub async fn upload(
    sandbox: &Sandbox,
    mut file: File,
    about: &Metadata,
    (path, name): (&str, &str),
    resume: bool,
    signals: &mut Signals,
) -> Result<Option<Caught>> {
    let progress = Progress::of(name, about.is_file().then_some(about.len()));
    let offset = if resume { resume::of_upload(sandbox, &mut file, path, name).await? } else { 0 };
    file.seek(std::io::SeekFrom::Start(offset)).await.or_else(|error| if offset == 0 { Ok(0) } else { Err(error) })?;
    progress.skip(offset);
    let size = if about.is_file() { about.len().to_string() } else { String::new() };
    let mode = if about.permissions().mode() & 0o111 == 0 { "644" } else { "755" };
    let script = if resume { RECEIVE_ON } else { RECEIVE };
    let command = ["/bin/sh", "-c", script, "sh", path, name, &size, mode, &offset.to_string()];
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
pub async fn download(sandbox: &Sandbox, path: &str, about: Remote, target: &Path, resume: bool) -> Result<()> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let progress = Progress::of(name, Some(about.size));
    // Not in the place of a link or a device: in the file that it leads to, or into the device.
    let target = tokio::fs::canonicalize(target).await.unwrap_or_else(|_| target.to_owned());
    if tokio::fs::metadata(&target).await.is_ok_and(|target| !target.is_file()) {
        return fetch(sandbox, path, Remote { executable: false, ..about }, &target, 0, &progress).await;
    }
    let (draft, offset) = match resume {
        true => {
            let part = resume::part_of(&target);
            let offset = resume::of_download(sandbox, path, about.size, &part).await?;
            (Draft { path: part, kept: true }, offset)
        }
        false => (draft_of(&target), 0),
    };
    progress.skip(offset);
    fetch(sandbox, path, about, &draft.path, offset, &progress).await?;
    tokio::fs::rename(&draft.path, &target).await.with_context(|| target.display().to_string())
}

async fn fetch(
    sandbox: &Sandbox,
    path: &str,
    about: Remote,
    into: &Path,
    offset: u64,
    progress: &Progress,
) -> Result<()> {
    let mut opening = OpenOptions::new();
    opening.create(true);
    // Both at once is refused.
    if offset == 0 {
        opening.write(true).truncate(true)
    } else {
        opening.append(true)
    };
    let mut file = opening.open(into).await.with_context(|| into.display().to_string())?;
    let mut received = offset;
    let mut keep = async |data: Bytes| {
        received += data.len() as u64;
        progress.add(data.len());
        file.write_all(&data).await.with_context(|| into.display().to_string())
    };
    if about.size <= MAX_FILE_BYTES as u64 && offset == 0 {
        keep(sandbox.read_file(path).await?).await?;
    } else {
        let from = format!("+{}", offset + 1);
        let process = sandbox.exec(["tail", "-c", &from, "--", path], ExecOptions::default());
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

/// A file that is not finished, removed unless it was renamed or is kept to go on from.
struct Draft {
    path: PathBuf,
    kept: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn draft_of(target: &Path) -> Draft {
    let mut draft = target.as_os_str().to_owned();
    draft.push(format!(".{}.part", std::process::id()));
    Draft { path: draft.into(), kept: false }
}

/// Its output, or what it said against it.
pub async fn finished(process: Process, path: &str) -> Result<Bytes> {
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
