//! `jetway cp`: a file from here to a sandbox, or back.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use jetway::{Client, Sandbox};

use crate::{
    exit::Usage,
    signals::{Caught, Signals},
    transfer::{self, Progress},
};

/// Copy a file to a sandbox, or from one.
///
/// One side is ID:PATH, with an absolute path; the other is a file here. A directory as the target keeps the file's name.
/// Executable files stay executable. The target is there whole or not at all.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway cp data.csv ID:/work/data.csv
  jetway cp ID:/work/plot.png .
  jetway cp ./odd:name ID:/tmp/            a file here whose name has a colon

Directories go through tar:
  tar -cf - src | jetway exec ID -- tar -C /work -xf -
  jetway exec ID -- tar -C /work -cf - out | tar -xf -")]
pub struct Cp {
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
    let caught = match (cp.source, cp.target) {
        (Place::Here(source), Place::There { id, path }) => send(&client, &source, &id, &path).await?,
        (Place::There { id, path }, Place::Here(target)) => {
            let mut signals = Signals::listen()?;
            tokio::select! {
                fetched = fetch(&client, &id, &path, &target) => fetched.map(|()| None)?,
                caught = signals.next() => Some(caught),
            }
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

async fn send(client: &Client, source: &Path, id: &str, path: &str) -> Result<Option<Caught>> {
    let said = || source.display().to_string();
    let file = tokio::fs::File::open(source).await.with_context(said)?;
    let about = file.metadata().await.with_context(said)?;
    if about.is_dir() {
        return Err(directory(&said()));
    }
    let name = name_of(source)?;
    let sandbox = Sandbox::from_id(client, id).await?;
    let progress = Progress::of(&name, about.is_file().then_some(about.len()));
    let path = if path.ends_with('/') { format!("{path}{name}") } else { path.to_owned() };
    transfer::upload(&sandbox, file, &about, &path, &name, progress, &mut Signals::listen()?).await
}

async fn fetch(client: &Client, id: &str, path: &str, target: &Path) -> Result<()> {
    let sandbox = Sandbox::from_id(client, id).await?;
    let about = transfer::look(&sandbox, path).await?.ok_or_else(|| directory(&format!("{id}:{path}")))?;
    let name = name_of(Path::new(path))?;
    let progress = Progress::of(&name, Some(about.size));
    let into = target.is_dir() || target.as_os_str().to_string_lossy().ends_with('/');
    let target = if into { target.join(&name) } else { target.to_owned() };
    transfer::download(&sandbox, path, about, &target, progress).await
}

fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Usage::error(format!("{} names no file", path.display())))
}

fn directory(what: &str) -> anyhow::Error {
    Usage::error(format!("{what} is a directory; copy directories with tar, as `jetway cp --help` shows"))
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
