//! wasm-opt where it makes the *compressed* file smaller, which is what travels. Its higher levels shrink the raw file
//! and often enlarge the compressed one, so each candidate is measured; results are kept by the input's hash.

use super::{core::OUT_NAME, sizes};
use crate::{command::Program, fingerprint::Fingerprint, project, step::Step};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// What is worth trying, by name. What lies between the levels was never the smallest. Inlining and shared
/// subexpressions are what make the highest one's result compress badly.
const LEVELS: &[(&str, &[&str])] = &[
    ("-O1", &["-O1"]),
    (
        "-Oz for compression",
        &[
            "-Oz",
            "--one-caller-inline-max-function-size=0",
            "--always-inline-max-function-size=0",
            "--flexible-inline-max-function-size=0",
            "--skip-pass=local-cse",
        ],
    ),
];

/// Replaces the wasm in `bound` by its smallest form.
///
/// # Errors
/// When wasm-opt fails on a module, which would be a bug worth knowing.
pub fn shrink(bound: &Path, step: &Step) -> Result<()> {
    let plain = bound.join(format!("{OUT_NAME}_bg.wasm"));
    let cache = project::target().join("npm/wasm-opt");
    project::make_dir(&cache)?;
    let lock = project::root().join("tests/package-lock.json");
    let key = Fingerprint::default().path(&plain)?.path(&lock)?.text(&format!("{LEVELS:?}")).value();

    let best = cache.join(format!("{key}.wasm"));
    let told = cache.join(format!("{key}.txt"));
    if !best.is_file() || !told.is_file() {
        let mut candidates = vec![("none", plain.clone())];
        for (index, (name, flags)) in LEVELS.iter().enumerate() {
            let out = cache.join(format!("{key}-{index}.wasm"));
            run(flags, &plain, &out, step)?;
            candidates.push((*name, out));
        }
        let files: Vec<PathBuf> = candidates.iter().map(|(_, file)| file.clone()).collect();
        let measured = sizes::measure(&files, step)?;
        let row = |(name, size): (&str, &sizes::Size)| format!("{name} {}", sizes::kilobytes(size.br));
        let rows: Vec<String> = candidates.iter().zip(&measured).map(|((name, _), size)| row((name, size))).collect();
        let chosen = (0..measured.len()).min_by_key(|i| measured[*i].br).context("nothing was measured")?;
        let told_text = format!("{} (brotli: {})", candidates[chosen].0, rows.join(", "));
        std::fs::copy(&candidates[chosen].1, &best)?;
        std::fs::write(&told, told_text)?;
        candidates.iter().skip(1).try_for_each(|(_, file)| std::fs::remove_file(file))?;
    }
    step.note(std::fs::read_to_string(&told)?);
    std::fs::copy(&best, &plain).map(drop).with_context(|| format!("cannot write {}", project::shown(&plain)))
}

fn run(flags: &[&str], input: &Path, output: &Path, step: &Step) -> Result<()> {
    let program = Program::new("node").arg(project::npm_program("wasm-opt")).args(flags);
    program
        .arg(input)
        .arg("-o")
        .arg(output)
        .hint("cargo xtask package --no-opt builds without wasm-opt")
        .run(step)
        .map(drop)
}
