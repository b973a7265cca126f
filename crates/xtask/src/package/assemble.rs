//! Puts the npm package together: `pkg-template/` as it is, the generated core, the CommonJS entry, the licence.

use super::{core::OUT_NAME, elements, functions};
use crate::{command::Program, project, step::Step};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// What `pkg-template/package.json` says instead of a version.
const VERSION_PLACEHOLDER: &str = "\"version\": \"0.0.0\"";

/// Builds `target/npm/jetway` from the template and the bindings in `bound`.
///
/// # Errors
/// When the template lacks a file that the recipe needs, or esbuild refuses the code.
pub fn package(bound: &Path, step: &Step) -> Result<()> {
    let out = project::npm_package();
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    copy_tree(&project::root().join("pkg-template"), &out)?;
    fs::copy(project::root().join("LICENSE"), out.join("LICENSE"))?;
    fill_version(&out.join("package.json"))?;

    let code = code_dir(&out)?;
    let wasm = format!("{OUT_NAME}_bg.wasm");
    fs::copy(bound.join(&wasm), code.join(&wasm))?;
    let glue = bound.join(format!("{OUT_NAME}.js"));
    let minified = code.join(format!("{OUT_NAME}.js"));
    esbuild().arg(&glue).arg("--minify").arg("--format=esm").arg(outfile(&minified)).run(step)?;
    functions::write(&code, &out, step)?;
    elements::write(&code, step)?;
    drop_comments(&code, step)?;
    write_drivers(&code)?;
    write_watch_script(&code)?;
    write_inline_wasm(&code, &code.join(&wasm))?;
    write_common_js(&code, step)?;
    step.note(project::shown(&out));
    Ok(())
}

/// The folder of the package that holds its code: where `errors.js` is, because the core imports that by path.
///
/// # Errors
/// When there is none.
pub fn code_dir(package: &Path) -> Result<PathBuf> {
    let places = [package.join("dist"), package.join("src"), package.to_owned()];
    let found = places.into_iter().find(|dir| dir.join("errors.js").is_file());
    found.with_context(|| format!("{} has no errors.js: is the package built?", project::shown(package)))
}

fn fill_version(manifest: &Path) -> Result<()> {
    let text = fs::read_to_string(manifest).with_context(|| format!("cannot read {}", project::shown(manifest)))?;
    ensure!(text.contains(VERSION_PLACEHOLDER), "pkg-template/package.json must hold {VERSION_PLACEHOLDER}");
    // As text: the order of the conditions in `exports` has a meaning that a JSON map would lose.
    let filled = text.replacen(VERSION_PLACEHOLDER, &format!("\"version\": \"{}\"", project::version()), 1);
    serde_json::from_str::<serde_json::Value>(&filled).context("pkg-template/package.json is not JSON")?;
    Ok(fs::write(manifest, filled)?)
}

/// The programs that keep code contexts, each a module of its own that is loaded when it is needed: the core knows only
/// their fingerprints.
fn write_drivers(code: &Path) -> Result<()> {
    let sources = project::root().join("src/code");
    let table = fs::read_to_string(sources.join("language.rs"))?;
    for language in ["python", "javascript"] {
        let mut driver = String::new();
        for (at, _) in table.match_indices(&format!("include_str!(\"driver/{language}/")) {
            let part = table[at..].split('"').nth(1).context("language.rs names a driver without its end")?;
            driver += &fs::read_to_string(sources.join(part)).with_context(|| format!("cannot read {part}"))?;
        }
        ensure!(!driver.is_empty(), "src/code/language.rs names no parts of the {language} driver");
        let text = serde_json::to_string(&driver)?;
        fs::write(code.join(format!("driver_{language}.js")), format!("export default {text};\n"))?;
    }
    Ok(())
}

/// The programs that watch files, which the core takes from the same files natively.
fn write_watch_script(code: &Path) -> Result<()> {
    let sources = project::root().join("src/sandbox/watching");
    let mut module = String::new();
    for (name, file) in [("WATCH", "watch.sh"), ("INOTIFY", "inotify.py")] {
        let text = fs::read_to_string(sources.join(file)).with_context(|| format!("cannot read {file}"))?;
        module += &format!("export const {name} = {};\n", serde_json::to_string(&text)?);
    }
    Ok(fs::write(code.join("watch_script.js"), module)?)
}

/// What people read is the template and the types; what travels is code. Names stay, so that stack traces can be read.
fn drop_comments(code: &Path, step: &Step) -> Result<()> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(code)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        // esbuild does not know Deno's `import source` yet, and takes workerd's wasm import for its own to load.
        let skipped = ["deno.js", "workerd.js"].contains(&name.as_str()) || name == format!("{OUT_NAME}.js");
        if name.ends_with(".js") && !skipped {
            modules.push(path);
        }
    }
    esbuild()
        .args(modules)
        .args(["--minify-whitespace", "--minify-syntax", "--format=esm", "--target=es2022", "--allow-overwrite"])
        .arg(format!("--outdir={}", code.display()))
        .run(step)
        .map(drop)
}

/// The wasm as a JavaScript module, for hosts that can load nothing beside their one script.
fn write_inline_wasm(code: &Path, wasm: &Path) -> Result<()> {
    if !code.join("inline.js").is_file() {
        return Ok(());
    }
    let text = base64(&fs::read(wasm)?);
    Ok(fs::write(code.join(format!("{OUT_NAME}_inline.js")), format!("export default \"{text}\";\n"))?)
}

/// `node.cjs` and `compat.cjs` for `require`, and their types.
fn write_common_js(code: &Path, step: &Step) -> Result<()> {
    let url = "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;";
    esbuild()
        .arg(code.join("node.js"))
        .args(["--bundle", "--platform=node", "--target=node20", "--format=cjs"])
        .args(["--define:import.meta.url=__moduleUrl".to_owned(), format!("--banner:js={url}")])
        .arg(outfile(&code.join("node.cjs")))
        .run(step)?;
    // The older spellings are of the same classes: they take the package from where everybody has it.
    esbuild()
        .arg(code.join("compat.js"))
        .args(["--bundle", "--platform=node", "--target=node20", "--format=cjs", "--external:jetway"])
        .arg(outfile(&code.join("compat.cjs")))
        .run(step)?;
    write_common_js_types(code)
}

/// The same types once more for `require`: in an ESM package a `.d.ts` describes ESM only.
fn write_common_js_types(code: &Path) -> Result<()> {
    for entry in fs::read_dir(code)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if let Some(stem) = name.strip_suffix(".d.ts").filter(|stem| !stem.starts_with(OUT_NAME)) {
            let types = fs::read_to_string(&path)?;
            fs::write(code.join(format!("{stem}.d.cts")), types.replace(".js\";", ".cjs\";"))?;
        }
    }
    Ok(())
}

/// The bundler, of the version that the lock file pins, quiet unless something is wrong.
pub(super) fn esbuild() -> Program {
    Program::new(project::npm_program("esbuild")).arg("--log-level=warning")
}

/// The option that names a bundle.
pub(super) fn outfile(path: &Path) -> String {
    format!("--outfile={}", path.display())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    project::make_dir(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", project::shown(from)))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_name() == "node_modules" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", project::shown(&entry.path())))?;
        }
    }
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain([&0, &0]).take(3).fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(DIGITS[digit as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_as_rfc_4648_says() {
        let rows = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in rows {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
