//! Installs Debian's packages, where this is Debian and we may. Must not know what they are for.

use crate::{command::Program, project, step::Step, tools};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Installs `package`.
///
/// # Errors
/// When this machine has no apt-get, when only root may, or when apt-get fails; each says what to run.
pub fn install(package: &str, by_hand: &str, step: &Step) -> Result<()> {
    if tools::on_path("apt-get").is_none() {
        bail!("{package} is missing, and there is no apt-get to install it\n  what to do: {by_hand}");
    }
    apt_get(&["update"], package, by_hand)?.limit(Duration::from_secs(300)).run(step)?;
    let install = ["install", "--yes", "--no-install-recommends", package];
    apt_get(&install, package, by_hand)?.limit(Duration::from_secs(900)).run(step).map(drop)
}

/// Where the files of a package that is unpacked and not installed are.
pub fn unpacked(package: &str) -> PathBuf {
    project::target().join("debian").join(package)
}

/// Unpacks `package` there, without its dependencies: for programs that need none, and whose installation would start a
/// service.
///
/// # Errors
/// As `install`.
pub fn unpack(package: &str, by_hand: &str, step: &Step) -> Result<()> {
    for program in ["apt-get", "dpkg"] {
        if tools::on_path(program).is_none() {
            bail!("{package} is missing, and there is no {program} to get it\n  what to do: {by_hand}");
        }
    }
    let folder = unpacked(package);
    let loading = folder.with_extension("download");
    project::make_dir(&loading)?;
    let download = || Program::new("apt-get").args(["download", package]).dir(&loading).limit(Duration::from_secs(600));
    if !download().finish(step)?.status.success() {
        // Its lists may be old, or empty as in a fresh container.
        apt_get(&["update"], package, by_hand)?.limit(Duration::from_secs(300)).run(step)?;
        download().hint(by_hand).run(step)?;
    }
    let archive = std::fs::read_dir(&loading)?.flatten().map(|entry| entry.path()).find(|path| is_archive(path));
    let archive = archive.with_context(|| format!("apt-get download left no {package}"))?;
    // Whole or not at all: whoever looks for it looks for the folder.
    let draft = loading.join("files");
    Program::new("dpkg").arg("-x").arg(&archive).arg(&draft).run(step)?;
    std::fs::rename(&draft, &folder).with_context(|| format!("cannot make {}", project::shown(&folder)))?;
    std::fs::remove_dir_all(&loading).with_context(|| format!("cannot remove {}", project::shown(&loading)))
}

fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "deb")
}

fn apt_get(args: &[&str], package: &str, by_hand: &str) -> Result<Program> {
    let program = if rustix::process::geteuid().is_root() {
        Program::new("apt-get")
    } else if tools::on_path("sudo").is_some() {
        Program::new("sudo").args(["-n", "apt-get"])
    } else {
        bail!("{package} is missing, and only root can install it\n  what to do: as root, apt-get install {package}");
    };
    let hint = format!("as root, apt-get update && apt-get install {package}; or {by_hand}");
    Ok(program.args(args).env("DEBIAN_FRONTEND", "noninteractive").hint(hint))
}
