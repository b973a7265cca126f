//! The files that git tracks or would track, with comments and strings blanked out where a rule reads code.

use std::fs;
use std::path::Path;

/// One file: its path from the root with `/`, and its text.
#[derive(Clone)]
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

/// Folders that hold nothing of ours.
const FOREIGN: &[&str] = &["target", "node_modules", "dist", "__pycache__"];
const SOURCES: &[&str] = &["rs", "js", "mjs", "cjs", "ts", "mts", "cts", "py"];

/// All Rust files below a folder of the checkout.
pub fn rust(folder: &str) -> Vec<SourceFile> {
    files(folder, &["rs"])
}

/// All JavaScript and TypeScript files below a folder of the checkout.
pub fn javascript(folder: &str) -> Vec<SourceFile> {
    files(folder, &SOURCES[1..7])
}

/// Every source file of the checkout.
pub fn all() -> Vec<SourceFile> {
    files("", SOURCES)
}

/// One file's text.
pub fn read(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

fn files(folder: &str, endings: &[&str]) -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join(folder), &mut |path| {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        if endings.contains(&&*ending) {
            let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(path).unwrap_or_default();
            found.push(SourceFile { path: relative, text });
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(dir: &Path, visit: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || FOREIGN.contains(&name.as_str()) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), visit),
            Ok(kind) if kind.is_file() => visit(&entry.path()),
            _ => {}
        }
    }
}

/// The text with comments and the contents of strings replaced by spaces; line numbers stay.
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let blank = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest, &code) {
            let open = 2 + hashes;
            let close = format!("\"{}", "#".repeat(hashes));
            rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len())
        } else if first == '"' {
            string_end(rest)
        } else if first == '\'' {
            // A character literal, or a lifetime, which has no second quote where a literal has it.
            let literal = rest[1..].char_indices().nth(usize::from(rest[1..].starts_with('\\')) + 1);
            literal.filter(|(_, c)| *c == '\'').map_or(0, |(end, _)| end + 2)
        } else {
            0
        };
        if blank == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..blank].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[blank..];
        }
    }
    code
}

/// The number of hashes if a raw string starts here.
fn raw_string(rest: &str, before: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let in_word = before.ends_with(|c: char| c.is_alphanumeric() && c != 'b' || c == '_');
    (after[hashes..].starts_with('"') && !in_word).then_some(hashes)
}

fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn comments_and_strings_are_not_code() {
    let text =
        "use a::b; // crate::x\nlet s = \"crate::y \\\" z\"; /* cfg( */ let r = r#\"q \" w\"#; let c = '\"'; f::<'a>()";
    let code = code(text);
    for gone in ["crate", "cfg", "z", "w\"", "q"] {
        assert!(!code.contains(gone), "{gone} in {code}");
    }
    assert!(code.contains("use a::b;") && code.contains("let r =") && code.contains("f::<'a>()"), "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
}
