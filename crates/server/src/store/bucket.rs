//! Files that are kept whole or not at all: snapshots, by id. Must not know what is in them.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What a file is called until it is whole.
const PART: &str = "part";

/// A directory of files.
#[derive(Debug, Clone)]
pub(crate) struct Bucket(Arc<PathBuf>);

/// A file that is being written. Forgotten when it is dropped before it is kept.
#[derive(Debug)]
pub(crate) struct Draft {
    part: PathBuf,
    whole: PathBuf,
    kept: bool,
}

impl Bucket {
    /// The files in `directory`, which is made when the first one is.
    pub fn new(directory: PathBuf) -> Self {
        Self(Arc::new(directory))
    }

    /// Begins a file.
    pub fn begin(&self, id: &str) -> io::Result<(Draft, File)> {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(&*self.0)?;
        let draft = Draft { part: self.0.join(format!("{id}.{PART}")), whole: self.path(id), kept: false };
        let file = File::options().write(true).create_new(true).mode(0o600).open(&draft.part)?;
        Ok((draft, file))
    }

    /// Where a file lies.
    pub fn path(&self, id: &str) -> PathBuf {
        self.0.join(id)
    }

    /// Removes a file; one that is not there is removed already.
    pub fn remove(&self, id: &str) -> io::Result<()> {
        gone(&self.path(id))
    }

    /// Removes everything but `keep`.
    pub fn sweep(&self, keep: impl Fn(&str) -> bool) -> io::Result<()> {
        let entries = match fs::read_dir(&*self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(&keep) {
                gone(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl Draft {
    /// Makes it a file, in one step.
    pub fn keep(mut self) -> io::Result<()> {
        fs::rename(&self.part, &self.whole)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now, the next sweep finds.
            let _ = gone(&self.part);
        }
    }
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_is_there_once_it_is_kept_and_half_ones_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::new(dir.path().join("files"));
        bucket.sweep(|_| false).unwrap();
        let (draft, mut file) = bucket.begin("a").unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!bucket.path("a").exists());
        draft.keep().unwrap();
        assert_eq!(fs::read(bucket.path("a")).unwrap(), b"whole");
        drop(bucket.begin("b").unwrap());
        // A killed server drops nothing.
        std::mem::forget(bucket.begin("c").unwrap());
        let (draft, _) = bucket.begin("d").unwrap();
        draft.keep().unwrap();
        bucket.sweep(|id| id == "a").unwrap();
        let left: Vec<_> = fs::read_dir(dir.path().join("files")).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["a"]);
        bucket.remove("a").unwrap();
        bucket.remove("a").unwrap();
    }
}
