//! Builds the wasm32 std from Debian's `rust-src` of exactly the compiler's version, into a sysroot of our own.
//!
//! apt runs with a private configuration (sources, lists, cache), so the system's own is untouched and no root is needed.
//! The archive's address is read from the machine's apt sources: no host name stands in this file.

use super::wasm_std::{Compiler, TARGET, holds_std, lib_dir};
use crate::{command::Program, project, step::Step, tools};
use anyhow::{Context, Result, anyhow, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where newer compilers land first; all are looked at, the machine's own release need not have it.
const SUITES: &[&str] = &["trixie-backports", "sid", "testing", "stable", "stable-backports"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const COMPLETE: &str = ".complete";

/// True when an earlier `build` of this sysroot reached its end.
pub fn is_complete(sysroot: &Path) -> bool {
    sysroot.join(COMPLETE).is_file() && holds_std(sysroot)
}

/// Fetches the source, builds it and fills `sysroot`; returns the Debian version used.
///
/// # Errors
/// When this is no Debian, no suite has the compiler's version, or a step fails.
pub fn build(compiler: &Compiler, sysroot: &Path, step: &Step) -> Result<String> {
    for program in ["apt-get", "apt-cache", "dpkg"] {
        if tools::on_path(program).is_none() {
            bail!("`{program}` is not installed; this road is for Debian");
        }
    }
    if !Path::new(KEYRING).is_file() {
        bail!("{KEYRING} is missing, so packages could not be verified (Debian package debian-archive-keyring)");
    }
    let archive = archive(step)?;
    let work = project::target().join("wasm-sysroot/work");
    remove(&work)?;
    let (apt, version) = SUITES
        .iter()
        .find_map(|suite| offered(&archive, suite, &compiler.release, &work, step).transpose())
        .unwrap_or_else(|| Err(anyhow!("no rust-src {} in {}", compiler.release, SUITES.join(", "))))?;
    step.progress(&format!("rust-src {version}"));
    apt.run("apt-get", &["download", &format!("rust-src={version}")], step)?;
    let package = files(&apt.dir, ".deb")?.pop().context("apt-get download left no package")?;
    let source = work.join("source");
    Program::new("dpkg").arg("-x").arg(&package).arg(&source).run(step)?;

    let library = find_library(&source).context("the package rust-src holds no library/sysroot")?;
    let built = work.join("built");
    let flags = ["-Zforce-unstable-if-unmarked", "-Cembed-bitcode=yes", "-Cdebuginfo=0"];
    Program::cargo()
        .args(["build", "--release", "--package", "sysroot", "--target", TARGET])
        .args(["--features", "panic-unwind compiler-builtins-mem"])
        .dir(&library)
        // std uses unstable features and is compiled by the stable compiler of the same version.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_TARGET_DIR", &built)
        .limit(Duration::from_secs(900))
        .run(step)?;

    remove(sysroot)?;
    let lib = lib_dir(sysroot);
    project::make_dir(&lib)?;
    for rlib in files(&built.join(TARGET).join("release/deps"), ".rlib")? {
        std::fs::copy(&rlib, lib.join(rlib.file_name().unwrap_or_default()))?;
    }
    // rustc looks for rust-lld beside the host's libraries of the sysroot it is given.
    let host = Path::new("lib/rustlib").join(&compiler.host);
    std::os::unix::fs::symlink(compiler.sysroot.join(&host), sysroot.join(&host))?;
    if !holds_std(sysroot) {
        bail!("the build of {version} left no libstd");
    }
    std::fs::write(sysroot.join(COMPLETE), &version)?;
    remove(&work)?;
    Ok(format!("rust-src {version}"))
}

/// apt with a configuration of its own.
struct Apt {
    dir: PathBuf,
}

impl Apt {
    fn new(archive: &str, suite: &str, work: &Path) -> Result<Self> {
        let dir = work.join(suite);
        project::make_dir(&dir.join("lists/partial"))?;
        project::make_dir(&dir.join("cache/archives/partial"))?;
        let source = format!("deb [signed-by={KEYRING}] {archive} {suite} main\n");
        std::fs::write(dir.join("sources.list"), source)?;
        Ok(Self { dir })
    }

    fn run(&self, program: &str, args: &[&str], step: &Step) -> Result<Vec<String>> {
        let path = |name: &str| self.dir.join(name).display().to_string();
        let options = [
            ("Dir::Etc::SourceList", path("sources.list")),
            ("Dir::Etc::SourceParts", "/dev/null".to_owned()),
            ("Dir::State::Lists", path("lists")),
            ("Dir::Cache", path("cache")),
            ("Acquire::Languages", "none".to_owned()),
            // The scratch folder belongs to us and not to the user `_apt`.
            ("APT::Sandbox::User", "root".to_owned()),
        ];
        let options = options.iter().flat_map(|(key, value)| ["-o".to_owned(), format!("{key}={value}")]);
        let program = Program::new(program).args(options).args(args).dir(&self.dir).limit(Duration::from_secs(300));
        Ok(program.run(step)?.lines)
    }
}

/// The package's version in `suite` if it is the compiler's; `None` also when the archive has no such suite.
fn offered(archive: &str, suite: &str, release: &str, work: &Path, step: &Step) -> Result<Option<(Apt, String)>> {
    let apt = Apt::new(archive, suite, work)?;
    if apt.run("apt-get", &["update"], step).is_err() {
        return Ok(None);
    }
    let rows = apt.run("apt-cache", &["madison", "rust-src"], step)?;
    Ok(rows.iter().find_map(|row| version_in(row, release)).map(|version| (apt, version)))
}

/// `rust-src | 1.95.0+dfsg1-2 | …` holds `1.95.0+dfsg1-2`, and that is release 1.95.0 and not 1.95.01.
fn version_in(row: &str, release: &str) -> Option<String> {
    let version = row.split('|').nth(1)?.trim();
    let rest = version.strip_prefix(release)?;
    (!rest.starts_with(|c: char| c.is_ascii_digit() || c == '.')).then(|| version.to_owned())
}

/// The Debian archive that this machine's apt uses.
fn archive(step: &Step) -> Result<String> {
    let format = "$(REPO_URI) $(COMPONENT)";
    let rows = Program::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]).run(step)?;
    let found = rows.lines.iter().filter_map(|row| row.strip_suffix(" main")).find(|uri| is_debian_archive(uri));
    found.map(str::to_owned).context("this machine's apt sources name no Debian archive")
}

/// The main archive, not the one of security updates, which has no suites of newer compilers.
fn is_debian_archive(uri: &str) -> bool {
    uri.trim_end_matches('/').ends_with("/debian")
}

fn find_library(source: &Path) -> Option<PathBuf> {
    let rustc_dirs = std::fs::read_dir(source.join("usr/src")).ok()?.flatten().map(|entry| entry.path());
    rustc_dirs.map(|dir| dir.join("library")).find(|library| library.join("sysroot/Cargo.toml").is_file())
}

fn files(dir: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read {}", project::shown(dir)))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect())
}

fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", project::shown(dir)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_another_version_is_not_ours() {
        let row = "  rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://deb trixie-backports/main amd64 Packages";
        assert_eq!(version_in(row, "1.95.0").as_deref(), Some("1.95.0+dfsg1-2~bpo13+1"));
        assert_eq!(version_in(row, "1.9"), None);
        assert_eq!(version_in(row, "1.95"), None);
        assert_eq!(version_in("N: Unable to locate package", "1.95.0"), None);
    }

    #[test]
    fn the_archive_of_security_updates_is_not_the_archive() {
        assert!(is_debian_archive("http://mirror.example/debian/"));
        assert!(!is_debian_archive("http://mirror.example/debian-security/"));
        assert!(!is_debian_archive("https://repository.example/node_20.x"));
    }
}
