//! `jetway cp`: files and directories from here to a sandbox, or back.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use jetway::{Client, Sandbox};

use crate::{
    archive::{self, Wish},
    exit::Usage,
    signals::{Caught, Signals},
    transfer,
};

/// Copy files and directories to a sandbox, or from one.
///
/// One side is ID:PATH, with an absolute path; the other is here. A directory as the target keeps the name of what is
/// copied; DIR/. copies what is in it. Executable files stay executable, links stay links. A file is there whole or not
/// at all; a directory comes file by file, and needs tar in the sandbox.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway cp data.csv ID:/work/data.csv
  jetway cp ID:/work/plot.png .
  jetway cp src ID:/work                   becomes /work/src where /work is a directory, else /work
  jetway cp src/. ID:/work                 what is in src
  jetway cp ID:/work/out results
  jetway cp --resume model.bin ID:/models/ goes on where the same command broke off
  jetway cp --resume data ID:/data         leaves out files that are there with the same size and time
  jetway cp ./odd:name ID:/tmp/            a file here whose name has a colon")]
pub struct Cp {
    /// Keep what has arrived when a copy breaks off, and go on from there
    #[arg(long)]
    resume: bool,

    /// Copy what links lead to instead of links (from here only)
    #[arg(short = 'L', long)]
    follow_links: bool,

    /// What to copy
    #[arg(value_name = "SOURCE")]
    source: Place,

    /// Where to
    #[arg(value_name = "TARGET")]
    target: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Here(PathBuf),
    There { id: String, path: String },
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            _ if text.is_empty() => Err("the path is empty".to_owned()),
            // A path that could not be an id.
            Some((before, _)) if before.contains('/') => Ok(Self::Here(text.into())),
            None => Ok(Self::Here(text.into())),
            Some(("", _)) => Err(format!("{text:?} has no sandbox before the colon; ID:/path")),
            Some((id, path)) if path.starts_with('/') => Ok(Self::There { id: id.to_owned(), path: path.to_owned() }),
            Some((id, path)) => Err(format!(
                "the path in a sandbox must be absolute: {id}:/{path}; a file here with a colon is ./{text}"
            )),
        }
    }
}

/// Copies it.
pub async fn run(cp: Cp, client: Client) -> Result<u8> {
    let wish = Wish { resume: cp.resume, follow: cp.follow_links };
    let mut signals = Signals::listen()?;
    let caught = match (cp.source, cp.target) {
        (Place::Here(source), Place::There { id, path }) if is_dir(&source)? => {
            until_signal(send_all(&client, &source, &id, &path, wish), &mut signals).await?
        }
        (Place::Here(source), Place::There { id, path }) => {
            send(&client, &source, &id, &path, cp.resume, &mut signals).await?
        }
        (Place::There { id, path }, Place::Here(target)) => {
            until_signal(fetch(&client, &id, &path, &target, wish), &mut signals).await?
        }
        (Place::Here(_), Place::Here(_)) => {
            return Err(Usage::error(
                "neither side is in a sandbox; say which with ID:/path, e.g. jetway cp file ID:/tmp/",
            ));
        }
        (Place::There { .. }, Place::There { .. }) => {
            return Err(Usage::error(
                "both sides are in sandboxes; copy by way of a pipe: jetway exec A -- cat /file | jetway exec B -- sh -c 'cat >/file'",
            ));
        }
    };
    Ok(caught.map_or(0, Caught::exit_code))
}

async fn until_signal(copying: impl Future<Output = Result<()>>, signals: &mut Signals) -> Result<Option<Caught>> {
    tokio::select! {
        copied = copying => copied.map(|()| None),
        caught = signals.next() => Ok(Some(caught)),
    }
}

fn is_dir(path: &Path) -> Result<bool> {
    std::fs::metadata(path).map(|about| about.is_dir()).with_context(|| path.display().to_string())
}

async fn send(
    client: &Client,
    source: &Path,
    id: &str,
    path: &str,
    resume: bool,
    signals: &mut Signals,
) -> Result<Option<Caught>> {
    let said = || source.display().to_string();
    let file = tokio::fs::File::open(source).await.with_context(said)?;
    let about = file.metadata().await.with_context(said)?;
    let name = name_of(source)?;
    let sandbox = Sandbox::from_id(client, id).await?;
    let path = if path.ends_with('/') { format!("{path}{name}") } else { path.to_owned() };
    transfer::upload(&sandbox, file, &about, (&path, &name), resume, signals).await
}

async fn send_all(client: &Client, source: &Path, id: &str, path: &str, wish: Wish) -> Result<()> {
    let sandbox = Sandbox::from_id(client, id).await?;
    // `.` and what ends with it have no name to keep.
    let contents = source.as_os_str().to_string_lossy().ends_with("/.") || source.file_name().is_none();
    let name = source.file_name().map_or_else(|| ".".to_owned(), |name| name.to_string_lossy().into_owned());
    let into = !contents && (path.ends_with('/') || sandbox.files().is_dir(path).await?);
    let target = if into { format!("{}/{name}", path.trim_end_matches('/')) } else { path.to_owned() };
    archive::upload(&sandbox, source, &target, &name, wish).await
}

async fn fetch(client: &Client, id: &str, path: &str, target: &Path, wish: Wish) -> Result<()> {
    let sandbox = Sandbox::from_id(client, id).await?;
    let into = target.is_dir() || target.as_os_str().to_string_lossy().ends_with('/');
    let Some(about) = transfer::look(&sandbox, path).await? else {
        let contents = path.ends_with("/.") || path == "/";
        let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| ".".to_owned());
        let target = if into && !contents { target.join(&name) } else { target.to_owned() };
        return archive::download(&sandbox, path, &target, &name, wish).await;
    };
    let name = name_of(Path::new(path))?;
    let target = if into { target.join(&name) } else { target.to_owned() };
    transfer::download(&sandbox, path, about, &target, wish.resume).await
}

fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Usage::error(format!("{} names no file", path.display())))
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_are_told_apart_by_their_colon() {
        let there = |id: &str, path: &str| Ok(Place::There { id: id.into(), path: path.into() });
        assert_eq!("a:/b".parse(), there("a", "/b"));
        assert_eq!("a:/b:c".parse(), there("a", "/b:c"));
        for here in ["a", "./a:b", "/a:/b", "dir/a:b"] {
            assert_eq!(here.parse(), Ok(Place::Here(here.into())));
        }
        for wrong in ["", ":/a", "a:b", "a:"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
