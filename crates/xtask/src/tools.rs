//! Programs that the machine may have: where they are. Looks, never installs; `setup` installs.

use std::path::{Path, PathBuf};

const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const MAC_BROWSERS: &[&str] = &[
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// A program on the `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// The browser for tests and the demo: `JETWAY_CHROMIUM`, else a Chromium or Chrome of the machine.
pub fn chromium() -> Option<PathBuf> {
    if let Some(chosen) = std::env::var_os("JETWAY_CHROMIUM") {
        return Some(PathBuf::from(chosen));
    }
    let installed = MAC_BROWSERS.iter().map(Path::new).find(|path| path.is_file());
    BROWSERS.iter().find_map(|name| on_path(name)).or_else(|| installed.map(Path::to_owned))
}
