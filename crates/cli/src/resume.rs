//! Where a copy that broke off can go on: at the end of its part, if that is how the source begins.
//! Must not know: how bytes are copied.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jetway::{ExecOptions, Sandbox};
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use crate::transfer::finished;

/// Prints the part's size and hash, if there is one. `$1` is the target, `$2` the name it gets in a directory.
const PART: &str = r#"[ -d "$1" ] && set -- "${1%/}/$2"; t="${1%/*}/.${1##*/}.jetway-part"
[ -f "$t" ] || exit 0; wc -c <"$t"; sha256sum <"$t""#;
/// Prints the hash of the first `$2` bytes.
const BEGINNING: &str = r#"head -c "$2" -- "$1" | sha256sum"#;

/// Where a part of a file here lies.
pub fn part_of(target: &Path) -> PathBuf {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!(".{name}.jetway-part"))
}

/// How much of a file is in the sandbox already.
pub async fn of_upload(sandbox: &Sandbox, file: &mut File, path: &str, name: &str) -> Result<u64> {
    let command = ["/bin/sh", "-c", PART, "sh", path, name];
    // Without the programs for it, it begins anew.
    let said = sandbox.exec(command, ExecOptions::default()).await?;
    let said = said.stdout_text();
    let mut lines = said.lines();
    let (Some(size), Some(hash)) = (lines.next().and_then(|it| it.trim().parse::<u64>().ok()), lines.next()) else {
        return Ok(0);
    };
    file.rewind().await.context("the file cannot be read from its beginning; copy it without --resume")?;
    let ours = hash_of(file, size).await.context("the file cannot be read")?;
    Ok(if is_same(hash, ours.as_deref()) { size } else { 0 })
}

/// How much of a file is here already.
pub async fn of_download(sandbox: &Sandbox, path: &str, size: u64, part: &Path) -> Result<u64> {
    let Ok(mut file) = File::open(part).await else { return Ok(0) };
    let there = file.metadata().await.with_context(|| part.display().to_string())?.len();
    if there == 0 || there > size {
        return Ok(0);
    }
    let ours = hash_of(&mut file, there).await.with_context(|| part.display().to_string())?;
    let command = ["/bin/sh", "-c", BEGINNING, "sh", path, &there.to_string()];
    let theirs = finished(sandbox.exec(command, ExecOptions::default()), path).await?;
    Ok(if is_same(&String::from_utf8_lossy(&theirs), ours.as_deref()) { there } else { 0 })
}

fn is_same(printed: &str, ours: Option<&str>) -> bool {
    ours.is_some_and(|ours| printed.split_whitespace().next() == Some(ours))
}

/// Of the first so many bytes; `None` when there are fewer.
async fn hash_of(file: &mut File, size: u64) -> std::io::Result<Option<String>> {
    let (mut hash, mut left) = (Sha256::new(), size);
    let mut buffer = vec![0; 256 * 1024];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = file.read(&mut buffer[..most]).await?;
        if count == 0 {
            return Ok(None);
        }
        hash.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}
