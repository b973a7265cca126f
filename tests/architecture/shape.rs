//! What a file looks like: its length, its name, its first lines.

use crate::tree::SourceFile;

/// The most lines of a file.
const LIMIT: usize = 400;

/// Files that are longer, with their length now and the reason. Entries may shrink and go, never grow or be added to.
const LONGER: &[(&str, usize, &str)] = &[];

/// Longer than it may be.
pub fn too_long(file: &SourceFile) -> Vec<String> {
    let allowed = LONGER.iter().find(|(path, _, _)| *path == file.path).map_or(LIMIT, |(_, lines, _)| *lines);
    let lines = file.text.lines().count();
    if lines <= allowed { Vec::new() } else { vec![format!("{lines} lines, at most {allowed}: split it by subject")] }
}

/// Allowances that nothing needs any more.
pub fn outdated_allowances(files: &[SourceFile]) -> Vec<String> {
    outdated(LONGER, files)
}

fn outdated(longer: &[(&str, usize, &str)], files: &[SourceFile]) -> Vec<String> {
    let lines = |path: &str| files.iter().find(|file| file.path == path).map_or(0, |file| file.text.lines().count());
    let stale = longer.iter().filter(|(path, allowed, reason)| lines(path) < *allowed || reason.is_empty());
    stale
        .map(|(path, allowed, _)| format!("{path} has {} lines: lower its allowance of {allowed}", lines(path)))
        .collect()
}

const NAMELESS: &[&str] = &["util", "utils", "common", "misc", "helper", "helpers", "stuff"];

/// A file or folder whose name says nothing.
pub fn nameless(file: &SourceFile) -> Vec<String> {
    let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or_default());
    parts.filter(|part| NAMELESS.contains(part)).map(|part| format!("`{part}` names no subject")).collect()
}

/// A Rust file that does not begin with what it is for.
pub fn undocumented(file: &SourceFile) -> Vec<String> {
    if file.text.starts_with("//! ") {
        Vec::new()
    } else {
        vec!["must begin with `//! ` and what it is for".to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn length_is_counted_in_lines() {
        assert!(too_long(&file("src/a.rs", &"x\n".repeat(LIMIT))).is_empty());
        assert_eq!(too_long(&file("src/a.rs", &"x\n".repeat(LIMIT + 1))).len(), 1);
    }

    #[test]
    fn an_allowance_must_fit() {
        let files = [file("src/long.rs", &"x\n".repeat(450))];
        assert_eq!(outdated(&[("src/long.rs", 450, "a table")], &files), Vec::<String>::new());
        assert_eq!(outdated(&[("src/long.rs", 460, "a table")], &files).len(), 1);
        assert_eq!(outdated(&[("src/gone.rs", 450, "a table")], &files).len(), 1);
        assert_eq!(outdated(&[("src/long.rs", 450, "")], &files).len(), 1);
    }

    #[test]
    fn names_must_name() {
        assert_eq!(nameless(&file("src/utils/a.rs", "")).len(), 1);
        assert_eq!(nameless(&file("tests/js/helpers.mjs", "")).len(), 1);
        assert!(nameless(&file("src/common_name.rs", "")).is_empty());
    }

    #[test]
    fn the_first_line_says_what_it_is_for() {
        assert!(undocumented(&file("a.rs", "//! What it is for.\n")).is_empty());
        assert_eq!(undocumented(&file("a.rs", "use a;\n//! Late.")).len(), 1);
        assert_eq!(undocumented(&file("a.rs", "//!\n")).len(), 1);
    }
}
