//! The standard library for wasm32: the toolchain's own, else `rustup target add`, else built from Debian's `rust-src`.
//!
//! A private std is used through `--sysroot` for the wasm target alone, so the toolchain stays as it was: two stds in one
//! sysroot make every build fail with E0464.

use super::debian_std;
use crate::{command::Program, project, step::Step, tools};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The only wasm target we build for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Picks the road by force, for tests of the roads: `auto`, `rustup` or `debian`.
const ROAD: &str = "JETWAY_WASM_STD";

/// rustup downloads some 20 MB; where it has no network it should not hold everybody up.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// Where the std is.
pub enum WasmStd {
    /// In the toolchain, where rustc looks by itself.
    Toolchain,
    /// In a sysroot of ours.
    Private(PathBuf),
}

impl WasmStd {
    /// Lets a cargo command with `--target wasm32-unknown-unknown` find the std.
    pub fn apply(&self, program: Program) -> Program {
        let Self::Private(sysroot) = self else { return program };
        // With --target these flags reach the target's crates only, never build scripts. The encoded form survives spaces.
        let mut flags: Vec<String> = match std::env::var("CARGO_ENCODED_RUSTFLAGS") {
            Ok(encoded) if !encoded.is_empty() => encoded.split('\u{1f}').map(str::to_owned).collect(),
            _ => std::env::var("RUSTFLAGS").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        };
        flags.extend(["--sysroot".to_owned(), sysroot.display().to_string()]);
        program.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
    }
}

/// The compiler in use: its release and where it lives.
pub struct Compiler {
    /// `1.95.0`
    pub release: String,
    /// `x86_64-unknown-linux-gnu`
    pub host: String,
    /// `rustc --print sysroot`
    pub sysroot: PathBuf,
}

/// Finds the std or gets it.
///
/// # Errors
/// When no road is open; the error says what to run.
pub fn ensure(step: &Step) -> Result<WasmStd> {
    let compiler = compiler(step)?;
    let road = std::env::var(ROAD).unwrap_or_else(|_| "auto".to_owned());
    if !["auto", "rustup", "debian"].contains(&road.as_str()) {
        bail!("{ROAD} is `{road}`\n  what to do: set it to auto, rustup or debian, or unset it");
    }
    if road != "debian" && holds_std(&compiler.sysroot) {
        step.note(format!("the toolchain's, {}", compiler.release));
        return Ok(WasmStd::Toolchain);
    }
    let private = project::target().join("wasm-sysroot").join(&compiler.release);
    if road != "rustup" && debian_std::is_complete(&private) {
        step.note(format!("{} for {}", project::shown(&private), compiler.release));
        return Ok(WasmStd::Private(private));
    }
    let mut refused = Vec::new();
    if road != "debian" {
        match rustup(step, &compiler) {
            Ok(()) => return Ok(WasmStd::Toolchain),
            Err(error) => refused.push(format!("rustup: {error:#}")),
        }
    }
    if road != "rustup" {
        match debian_std::build(&compiler, &private, step) {
            Ok(package) => {
                step.note(format!("built from Debian's {package} into {}", project::shown(&private)));
                return Ok(WasmStd::Private(private));
            }
            Err(error) => refused.push(format!("Debian: {error:#}")),
        }
    }
    bail!(
        "rustc {} has no std for {TARGET}, and none could be installed\n{}\n  what to do: rustup target add {TARGET}",
        compiler.release,
        refused.join("\n")
    )
}

/// True when a sysroot has a std for wasm32.
pub fn holds_std(sysroot: &Path) -> bool {
    let Ok(files) = std::fs::read_dir(lib_dir(sysroot)) else { return false };
    let names: Vec<_> = files.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    ["libcore-", "libstd"].iter().all(|lib| names.iter().any(|name| name.starts_with(lib) && name.ends_with(".rlib")))
}

/// Where a sysroot keeps the std for wasm32.
pub fn lib_dir(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

fn rustup(step: &Step, compiler: &Compiler) -> Result<()> {
    if tools::on_path("rustup").is_none() {
        bail!("not installed");
    }
    step.progress("rustup target add");
    Program::new("rustup").args(["target", "add", TARGET]).limit(RUSTUP_LIMIT).run(step)?;
    if !holds_std(&compiler.sysroot) {
        bail!("rustup added the target to another toolchain than {}", compiler.sysroot.display());
    }
    step.note("added by rustup");
    Ok(())
}

fn compiler(step: &Step) -> Result<Compiler> {
    let about = Program::new("rustc").arg("-vV").run(step)?;
    let field = |name: &str| {
        let value = about.lines.iter().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
        value.ok_or_else(|| about.complaint(&format!("`rustc -vV` does not say its {name}")))
    };
    let sysroot = Program::new("rustc").args(["--print", "sysroot"]).run(step)?.text();
    Ok(Compiler { release: field("release:")?, host: field("host:")?, sysroot: PathBuf::from(sysroot.trim()) })
}
