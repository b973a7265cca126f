//! Where things are in the checkout. Paths only; nothing here creates, reads or runs anything but the version.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The root of the checkout this program was built from.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// `target/`, or where `CARGO_TARGET_DIR` puts it.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The unpacked npm package that `package` builds.
pub fn npm_package() -> PathBuf {
    target().join("npm/jetway")
}

/// The packed npm package.
pub fn npm_tarball() -> PathBuf {
    target().join(format!("npm/jetway-{}.tgz", version()))
}

/// The workspace's version, from the root manifest at compile time.
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// An npm program that the lock file of `tests/` pins.
pub fn npm_program(name: &str) -> PathBuf {
    root().join("tests/node_modules/.bin").join(name)
}

/// The binary that `cargo build [--release] -p jetway-cli` leaves.
pub fn jetway_binary(release: bool) -> PathBuf {
    target().join(if release { "release" } else { "debug" }).join("jetway")
}

/// `path` as a person wants to read it: relative to the checkout where possible.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Makes a directory and its parents.
///
/// # Errors
/// When the file system refuses, with the path.
pub fn make_dir(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot create {}", shown(path)))
}
