//! Which paths of a directory are left out: patterns as in a .gitignore file. Pure.

/// Patterns as in a .gitignore file. The last that fits a path decides; `!` takes back; what is below an ignored
/// directory is ignored, too.
///
/// ```
/// use jetway::sandbox::IgnoreRules;
/// let rules = IgnoreRules::new(["node_modules/", "*.log", "!keep.log"]);
/// assert!(rules.ignores("web/node_modules/a/index.js", false) && rules.ignores("a.log", false));
/// assert!(!rules.ignores("keep.log", false));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreRules(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: Vec<char>,
    takes_back: bool,
    only_directories: bool,
}

impl IgnoreRules {
    /// These patterns, one line each; empty lines and those that begin with `#` are none.
    pub fn new<Line: AsRef<str>>(lines: impl IntoIterator<Item = Line>) -> Self {
        Self(lines.into_iter().filter_map(|line| rule(line.as_ref())).collect())
    }

    /// Whether a path is left out. It is relative to the directory, with `/` between its parts.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
        let path: Vec<char> = path.chars().collect();
        let above = path.iter().enumerate().filter(|(_, c)| **c == '/').map(|(at, _)| &path[..at]);
        above.into_iter().any(|directory| self.decide(directory, true)) || self.decide(&path, is_directory)
    }

    fn decide(&self, path: &[char], is_directory: bool) -> bool {
        let fitting = |rule: &&Rule| (is_directory || !rule.only_directories) && fits(&rule.pattern, path);
        self.0.iter().rev().find(fitting).is_some_and(|rule| !rule.takes_back)
    }
}

fn rule(line: &str) -> Option<Rule> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (line, takes_back) = line.strip_prefix('!').map_or((line, false), |rest| (rest, true));
    let (line, only_directories) = line.strip_suffix('/').map_or((line, false), |rest| (rest, true));
    // With a slash in it a pattern counts from the root; without, at any depth.
    let anywhere = if line.contains('/') { "" } else { "**/" };
    let pattern = anywhere.chars().chain(line.strip_prefix('/').unwrap_or(line).chars()).collect();
    Some(Rule { pattern, takes_back, only_directories })
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', '*', '/', rest @ ..] => {
            fits(rest, text) || (0..text.len()).any(|at| text[at] == '/' && fits(rest, &text[at + 1..]))
        }
        ['*', '*', rest @ ..] => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        ['*', rest @ ..] => {
            let part = text.iter().position(|c| *c == '/').unwrap_or(text.len());
            (0..=part).any(|at| fits(rest, &text[at..]))
        }
        ['?', rest @ ..] => matches!(text, [c, after @ ..] if *c != '/' && fits(rest, after)),
        ['\\', c, rest @ ..] => matches!(text, [first, after @ ..] if first == c && fits(rest, after)),
        ['[', class @ ..] if class.iter().skip(1).any(|c| *c == ']') => {
            let end = 1 + class[1..].iter().position(|c| *c == ']').unwrap_or_default();
            matches!(text, [c, after @ ..] if in_class(&class[..end], *c) && fits(&class[end + 1..], after))
        }
        [c, rest @ ..] => matches!(text, [first, after @ ..] if first == c && fits(rest, after)),
    }
}

/// `abc`, `a-z`, or `!` and what it must not be.
fn in_class(class: &[char], c: char) -> bool {
    let (mut class, negated) = match class {
        ['!' | '^', rest @ ..] => (rest, true),
        all => (all, false),
    };
    let mut found = false;
    while let [first, rest @ ..] = class {
        if let ['-', last, after @ ..] = rest {
            found |= (*first..=*last).contains(&c);
            class = after;
        } else {
            found |= *first == c;
            class = rest;
        }
    }
    found != negated && c != '/'
}

#[cfg(test)]
mod tests {
    use super::IgnoreRules;

    fn ignored(rules: &[&str], path: &str) -> bool {
        match path.strip_suffix('/') {
            Some(directory) => IgnoreRules::new(rules).ignores(directory, true),
            None => IgnoreRules::new(rules).ignores(path, false),
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_a_gitignore_file() {
        let rows: &[(&[&str], &[&str], &[&str])] = &[
            (&["*.log"], &["a.log", "deep/er/b.log"], &["a.logs", "log"]),
            (&["/a"], &["a", "a/b"], &["b/a"]),
            (&["a/b"], &["a/b", "a/b/c"], &["x/a/b"]),
            (&["build/"], &["build/", "x/build/", "build/out.o"], &["build"]),
            (&["a/**"], &["a/b", "a/b/c"], &["b/a/c", "a"]),
            (&["**/x"], &["x", "a/x", "a/b/x"], &["xx"]),
            (&["a/**/b"], &["a/b", "a/x/b", "a/x/y/b"], &["a/xb"]),
            (&["?.c"], &["a.c", "d/é.c"], &["ab.c", ".c"]),
            (&["[a-c].o", "[!x]y"], &["a.o", "c.o", "zy"], &["d.o", "xy"]),
            (&["*.o", "!keep.o"], &["a.o"], &["keep.o"]),
            (&["", "# comment", "\\#file"], &["#file"], &["# comment", "comment"]),
            (&["a.b"], &["a.b"], &["axb"]),
            (&["[a"], &["[a"], &["a"]),
            (&[], &[], &["a", "a/b"]),
        ];
        for (rules, left_out, kept) in rows {
            left_out.iter().for_each(|path| assert!(ignored(rules, path), "{rules:?} leaves out {path}"));
            kept.iter().for_each(|path| assert!(!ignored(rules, path), "{rules:?} keeps {path}"));
        }
    }
}
