//! What the package weighs, and the budget it must not exceed. Node's zlib compresses, so that no compressor is built.

use crate::{command::Program, project, step::Step};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::PathBuf;

/// The most that a browser may have to download for the core and its JavaScript, in bytes of brotli. The one place.
pub const BROTLI_BUDGET: u64 = 317 * 1024;

/// One file's size as it is, and compressed at the highest levels.
#[derive(Deserialize, Clone, Copy)]
pub struct Size {
    /// Bytes on disk.
    pub raw: u64,
    /// Bytes of gzip -9.
    pub gz: u64,
    /// Bytes of brotli 11.
    pub br: u64,
}

const MEASURE: &str = "
const { readFileSync } = require('node:fs');
const { gzipSync, brotliCompressSync } = require('node:zlib');
const size = (bytes) => ({ raw: bytes.length, gz: gzipSync(bytes, { level: 9 }).length, br: brotliCompressSync(bytes).length });
console.log(JSON.stringify(process.argv.slice(1).map((file) => size(readFileSync(file)))));
";

/// Measures files, in their order.
///
/// # Errors
/// When a file cannot be read.
pub fn measure(files: &[PathBuf], step: &Step) -> Result<Vec<Size>> {
    let output = Program::new("node").args(["-e", MEASURE, "--"]).args(files).run(step)?;
    serde_json::from_str(&output.text()).with_context(|| format!("cannot measure: {}", output.text()))
}

/// The package's table: what a page downloads, line by line and in sum.
///
/// # Errors
/// When the package is not built.
pub fn report(step: &Step) -> Result<()> {
    let files = downloaded()?;
    let sizes = measure(&files, step)?;
    for (file, size) in files.iter().zip(&sizes) {
        step.say(&row(&file.file_name().unwrap_or_default().to_string_lossy(), *size));
    }
    let sum = total(&sizes);
    step.say(&row("a page downloads", sum));
    step.note(format!("{} br; the budget is {}", kilobytes(sum.br), kilobytes(BROTLI_BUDGET)));
    Ok(())
}

/// Holds the package against its budget.
///
/// # Errors
/// When it is over, or not built.
pub fn check(step: &Step) -> Result<()> {
    let sum = total(&measure(&downloaded()?, step)?);
    let told = format!("{} br of at most {}", kilobytes(sum.br), kilobytes(BROTLI_BUDGET));
    ensure!(
        sum.br <= BROTLI_BUDGET,
        "a page downloads {told}\n  what to do: `cargo xtask package` shows each file's part"
    );
    step.note(told);
    Ok(())
}

fn row(name: &str, size: Size) -> String {
    format!("{name:<18} {:>9} raw {:>9} gz {:>9} br", kilobytes(size.raw), kilobytes(size.gz), kilobytes(size.br))
}

fn total(sizes: &[Size]) -> Size {
    let zero = Size { raw: 0, gz: 0, br: 0 };
    sizes.iter().fold(zero, |sum, size| Size { raw: sum.raw + size.raw, gz: sum.gz + size.gz, br: sum.br + size.br })
}

/// `12.3 KB`, of 1024 bytes.
pub fn kilobytes(bytes: u64) -> String {
    format!("{:.1} KB", bytes as f64 / 1024.0)
}

/// The wasm and the modules that `index.js` reaches, found by following its imports. What it imports later, by `import()`,
/// is fetched by who uses it: what keeps code contexts, what makes remote functions.
fn downloaded() -> Result<Vec<PathBuf>> {
    let code = super::assemble::code_dir(&project::npm_package())?;
    let mut found = vec![code.join("index.js")];
    let mut next = 0;
    while let Some(file) = found.get(next).cloned() {
        let source =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", project::shown(&file)))?;
        let dir = file.parent().unwrap_or(&code).to_owned();
        for specifier in relative_imports(&source) {
            let path = dir.join(specifier.trim_start_matches("./"));
            if path.is_file() && !found.contains(&path) {
                found.push(path);
            }
        }
        next += 1;
    }
    let wasm = code.join(format!("{}_bg.wasm", super::core::OUT_NAME));
    found.retain(|file| *file != wasm);
    found.push(wasm);
    Ok(found)
}

/// The specifiers after `from` or `import` that start with `./`, in minified code too; not those of `import()`.
fn relative_imports(source: &str) -> impl Iterator<Item = &str> {
    source.match_indices("./").filter_map(|(at, _)| {
        let quote = source[..at].chars().next_back().filter(|c| matches!(c, '"' | '\''))?;
        let before = source[..at - 1].trim_end_matches(' ');
        let is_import = before.ends_with("from") || before.ends_with("import");
        is_import.then(|| source[at..].split(quote).next()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_in_readable_and_in_minified_code() {
        let source = "import { a } from './a.js';\nimport*as b from\"./b.js\";export{c}from'./c.js'; import('./d.js');\
                      new URL('./core_bg.wasm', import.meta.url); const text = './not.js';";
        assert_eq!(relative_imports(source).collect::<Vec<_>>(), ["./a.js", "./b.js", "./c.js"]);
    }
}
