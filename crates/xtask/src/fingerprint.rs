//! Is this still what it was built from? A hash over files and texts, kept beside what was built.
//! Decides whether work can be skipped, nothing else: not a checksum for trust.

use crate::project;
use anyhow::{Context, Result};
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

/// Collects what an output depends on.
#[derive(Default)]
pub struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// A text that matters: a version, an option, the recipe itself.
    pub fn text(mut self, text: &str) -> Self {
        self.bytes(text.as_bytes());
        self
    }

    /// A file's content, or every file below a directory with its name. What does not exist counts as absent.
    ///
    /// # Errors
    /// When something that exists cannot be read.
    pub fn path(mut self, path: &Path) -> Result<Self> {
        self.add(path)?;
        Ok(self)
    }

    /// The value, to compare or to name a file by.
    pub fn value(&self) -> String {
        format!("{:016x}", self.0.finish())
    }

    /// True when `stamp` holds this value.
    pub fn matches(&self, stamp: &Path) -> bool {
        std::fs::read_to_string(stamp).is_ok_and(|kept| kept == self.value())
    }

    /// Writes the value to `stamp`; do this last, after everything it stands for is in place.
    ///
    /// # Errors
    /// When the stamp cannot be written.
    pub fn keep(&self, stamp: &Path) -> Result<()> {
        std::fs::write(stamp, self.value()).with_context(|| format!("cannot write {}", project::shown(stamp)))
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let context = || format!("cannot read {}", project::shown(path));
        self.bytes(path.file_name().unwrap_or_default().as_encoded_bytes());
        if path.is_dir() {
            let mut entries = std::fs::read_dir(path)
                .with_context(context)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<Vec<_>, _>>()
                .with_context(context)?;
            entries.sort();
            entries.iter().filter(|entry| !entry.ends_with("node_modules")).try_for_each(|entry| self.add(entry))
        } else if path.exists() {
            let content = std::fs::read(path).with_context(context)?;
            self.bytes(&content);
            Ok(())
        } else {
            Ok(())
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // The length keeps "ab" + "c" apart from "a" + "bc".
        self.0.write_usize(bytes.len());
        self.0.write(bytes);
    }
}
