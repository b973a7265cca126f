//! Directories, both ways, as a tar stream to or from a process in the sandbox. Must not know: the command line.

mod pack;
mod pipe;
mod unpack;

use std::{
    collections::HashMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use futures::StreamExt;
use jetway::{
    ExecOptions, Process, Sandbox,
    sandbox::{FileEntry, FileKind},
};

use crate::{progress::Progress, transfer::finished};

/// Makes `$1` and unpacks there, as whoever runs it.
const UNPACK: &str = r#"mkdir -p -- "$1" && cd -- "$1" && exec tar -xof -"#;
const PACK: &str = r#"cd -- "$1" && exec tar -cf - ."#;
/// Only what standard input names.
const PACK_SOME: &str = r#"cd -- "$1" && exec tar -cf - -T -"#;
const NO_TAR: i32 = 127;

/// What a copy is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Leaves out files that are there with the same size and time.
    pub resume: bool,
    /// Copies what links lead to.
    pub follow: bool,
}

/// What is known of a file by its path below a directory: its size and when it was changed, in whole seconds.
type Known = HashMap<String, (u64, u64)>;

/// Sends what is in a directory into one of the sandbox.
pub async fn upload(sandbox: &Sandbox, source: &Path, target: &str, name: &str, wish: Wish) -> Result<()> {
    let there = match wish.resume {
        true => known(&list(sandbox, target).await.unwrap_or_default(), target),
        false => Known::new(),
    };
    let (root, follow) = (source.to_owned(), wish.follow);
    let plan = tokio::task::spawn_blocking(move || pack::plan(&root, follow, &there)).await??;
    let progress = Progress::of(name, Some(plan.bytes));
    let mut process = sandbox.exec(["/bin/sh", "-c", UNPACK, "sh", target], ExecOptions::default().stdin(true));
    let Some(mut stdin) = process.stdin() else { anyhow::bail!("the process takes no input") };
    let (sink, mut chunks) = pipe::sink();
    let packing = tokio::task::spawn_blocking(move || pack::pack(plan, sink, &progress));
    let mut gone = false;
    while let Some(chunk) = chunks.recv().await {
        // It has ended: why is in its result.
        if stdin.write(chunk).await.is_err() {
            gone = true;
            break;
        }
    }
    drop((chunks, stdin));
    let packed = packing.await?;
    let unpacked = ended(process, target).await;
    // A packer whose reader is gone has nothing of its own to say.
    if gone { unpacked } else { packed.and(unpacked) }
}

/// Fetches what is in a directory of the sandbox into one here.
pub async fn download(sandbox: &Sandbox, source: &str, target: &Path, name: &str, wish: Wish) -> Result<()> {
    std::fs::create_dir_all(target).with_context(|| target.display().to_string())?;
    // Too many to list is no reason not to copy them.
    let listed = list(sandbox, source).await.ok();
    let size = listed.as_ref().map(|entries| entries.iter().map(pack::room).sum());
    let some = if wish.resume { listed.as_deref().and_then(|all| missing(all, source, target)) } else { None };
    let progress = Progress::of(name, size);
    let script = if some.is_some() { PACK_SOME } else { PACK };
    let options = ExecOptions::default().stdin(some.is_some());
    let mut process = sandbox.exec(["/bin/sh", "-c", script, "sh", source], options);
    if let (Some(names), Some(mut stdin)) = (some, process.stdin()) {
        if names.is_empty() {
            process.cancel();
            return Ok(());
        }
        // One that ended early says why in its result.
        tokio::spawn(async move { stdin.write(names.join("\n") + "\n").await });
    }
    let Some(mut stdout) = process.stdout() else { anyhow::bail!("the output was taken before") };
    let (feed, chunks) = pipe::source();
    let into = target.to_owned();
    let unpacking = tokio::task::spawn_blocking(move || unpack::unpack(chunks, &into));
    while let Some(data) = stdout.next().await {
        let data = data?;
        progress.add(data.len());
        if feed.send(data).await.is_err() {
            break;
        }
    }
    drop(feed);
    drop(stdout);
    let unpacked = unpacking.await?;
    // What the packer complains about comes first: an archive that is cut is its doing.
    ended(process, source).await.and(unpacked)
}

async fn ended(process: Process, path: &str) -> Result<()> {
    if process.wait().await? == NO_TAR {
        anyhow::bail!("the sandbox has no tar, which directories need; files can be copied one by one");
    }
    finished(process, path).await.map(drop)
}

async fn list(sandbox: &Sandbox, path: &str) -> Result<Vec<FileEntry>, jetway::Error> {
    // The most that find(1) can count.
    sandbox.files().list(path, i32::MAX.unsigned_abs()).await
}

fn known(entries: &[FileEntry], root: &str) -> Known {
    let files = entries.iter().filter(|it| it.kind == FileKind::File);
    files.map(|it| (below(it, root), (it.size, seconds(it.modified)))).collect()
}

/// Files and links that are not here yet; directories are made. `None` where names cannot be told to tar one per line.
fn missing(entries: &[FileEntry], source: &str, target: &Path) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for entry in entries {
        let name = below(entry, source);
        if name.contains(['\n', '\\']) || Path::new(&name).components().any(|part| part.as_os_str() == "..") {
            return None;
        }
        if entry.kind == FileKind::Directory {
            continue;
        }
        let here = std::fs::symlink_metadata(target.join(&name)).ok();
        let same = here.is_some_and(|here| {
            let changed = here.modified().map(seconds).unwrap_or_default();
            here.is_file() && here.len() == entry.size && changed == seconds(entry.modified)
        });
        if !same {
            names.push(format!("./{name}"));
        }
    }
    Some(names)
}

fn below(entry: &FileEntry, root: &str) -> String {
    entry.path.strip_prefix(root.trim_end_matches('/')).unwrap_or(&entry.path).trim_start_matches('/').to_owned()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}
