//! `jetway files`: what can be done with the files of a sandbox, without a shell in it.

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use console::style;
use futures::StreamExt;
use jetway::{
    Client, Sandbox,
    sandbox::{FileEntry, FileKind, FileOperation, FileSystem},
};
use serde_json::{Value, json};

use crate::{
    candidates, input, output,
    show::{self, Format},
};

/// Work with the files of a sandbox.
///
/// Paths are absolute. `jetway cp` copies between here and there.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway files ID ls /work                     what is in a directory; --depth 3 for what is below, too
  jetway files ID cat /etc/os-release
  echo hello | jetway files ID write /work/note.txt
  jetway files ID mkdir /work/a/b
  jetway files ID mv /work/note.txt /work/a/
  jetway files ID rm -r /work/a
  jetway files ID stat /work -o json")]
pub struct Files {
    /// Sandbox
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
    id: String,

    /// Which container of the sandbox
    #[arg(long, value_name = "NAME")]
    container: Option<String>,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what is in a directory
    #[command(visible_alias = "list")]
    Ls {
        /// Directory
        path: String,
        /// How many levels deep
        #[arg(short, long, value_name = "LEVELS", default_value_t = 1)]
        depth: u32,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Print files
    Cat {
        /// Files
        #[arg(required = true)]
        paths: Vec<String>,
    },
    /// Write standard input to a file, which appears whole or not at all
    Write {
        /// File; its directories are made when they are missing
        path: String,
    },
    /// Say what a file is; links are followed
    Stat {
        /// File or directory
        path: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Make directories, and those above them; one that is there is fine
    Mkdir {
        /// Directories
        #[arg(required = true)]
        paths: Vec<String>,
    },
    /// Move a file or directory; a directory as target keeps the name
    #[command(visible_alias = "rename")]
    Mv {
        /// File or directory
        path: String,
        /// Where to
        to: String,
    },
    /// Copy a file or directory within the sandbox; a directory as target keeps the name
    Cp {
        /// File or directory
        path: String,
        /// Where to
        to: String,
    },
    /// Remove files and empty directories
    Rm {
        /// Files or directories
        #[arg(required = true)]
        paths: Vec<String>,
        /// Directories with all that is in them
        #[arg(short, long)]
        recursive: bool,
        /// What does not exist is fine
        #[arg(short, long)]
        force: bool,
    },
    /// Exit with 0 when there is something at this path, else with 1
    Exists {
        /// File or directory
        path: String,
    },
}

/// Does it.
pub async fn run(Files { id, container, action }: Files, client: Client) -> Result<u8> {
    let mut files = Sandbox::from_id(&client, &id).await?.files();
    if let Some(container) = container {
        files = files.container(container);
    }
    match action {
        Action::Ls { path, depth, output } => {
            let found = files.list(&path, depth).await?;
            let table = || show::table(&COLUMNS, &found.iter().map(|it| row(it, &path)).collect::<Vec<_>>());
            show::print(output, || Value::Array(found.iter().map(json).collect()), table)?;
        }
        Action::Cat { paths } => {
            for path in paths {
                let reader = files.read_stream(&path).await?;
                let pieces = futures::stream::unfold(reader, async |mut reader| Some((reader.next().await?, reader)));
                output::copy(Box::pin(pieces), tokio::io::stdout()).await?;
            }
        }
        Action::Write { path } => drop(files.write_stream(&path, input::stream().map(Ok)).await?),
        Action::Stat { path, output } => {
            let entry = files.stat(&path).await?;
            show::print(output, || json(&entry), || details(&entry))?;
        }
        Action::Mkdir { paths } => {
            for path in paths {
                files.make_dir(&path).await?;
            }
        }
        Action::Mv { path, to } => files.rename(&path, &place(&files, &path, to).await?).await?,
        Action::Cp { path, to } => files.copy(&path, &place(&files, &path, to).await?).await?,
        Action::Rm { paths, recursive, force } => {
            for path in paths {
                match files.apply(&path, &FileOperation::Remove { recursive }).await {
                    Err(error) if force && error.reason() == Some("CWSANDBOX_FILE_NOT_FOUND") => {}
                    removed => removed?,
                }
            }
        }
        Action::Exists { path } => return Ok(u8::from(!files.exists(&path).await?)),
    }
    Ok(0)
}

/// Within a directory the name stays.
async fn place(files: &FileSystem, path: &str, to: String) -> Result<String> {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let into = to.ends_with('/') || files.is_dir(&to).await?;
    Ok(if into { format!("{}/{name}", to.trim_end_matches('/')) } else { to })
}

const COLUMNS: [&str; 4] = ["MODE", "SIZE", "MODIFIED", "NAME"];

/// As `ls -l` has it.
fn mode(it: &FileEntry) -> String {
    let kind = match it.kind {
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::File => '-',
        _ => '?',
    };
    let bit = |n: u32| if it.mode & (1 << n) == 0 { '-' } else { ['x', 'w', 'r'][n as usize % 3] };
    std::iter::once(kind).chain((0..9).rev().map(bit)).collect()
}

fn row(it: &FileEntry, below: &str) -> Vec<String> {
    let name = it.path.strip_prefix(below.trim_end_matches('/')).unwrap_or(&it.path).trim_start_matches('/');
    // A name is what hostile code chose: nothing in it may steer the terminal.
    let name = name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] });
    let name: String = name.collect();
    let name = match it.kind {
        FileKind::Directory => style(name + "/").blue().bold().to_string(),
        FileKind::Symlink => style(name).cyan().to_string(),
        _ => name,
    };
    vec![mode(it), it.size.to_string(), show::moment(it.modified), name]
}

fn details(it: &FileEntry) -> String {
    show::lines(&[
        ("Path", Some(it.path.clone())),
        ("Kind", Some(it.kind.name().to_owned())),
        ("Size", Some(it.size.to_string())),
        ("Mode", Some(format!("{} ({:o})", mode(it), it.mode))),
        ("Modified", Some(show::moment(it.modified))),
    ])
}

fn json(it: &FileEntry) -> Value {
    json!({
        "path": it.path,
        "name": it.name(),
        "kind": it.kind.name(),
        "sizeBytes": it.size,
        "mode": it.mode,
        "modifiedAt": show::moment(it.modified),
    })
}
