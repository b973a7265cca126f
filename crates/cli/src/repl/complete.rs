//! Whether a piece of code is whole, or goes on in the next line: brackets, strings, blocks. Pure.
//! A guess that is wrong costs an Enter: an empty line always ends the input.

use jetway::code::Language;

/// Whether Enter should run this.
pub fn is_whole(language: Language, text: &str) -> bool {
    let last = text.rsplit('\n').next().unwrap_or_default();
    if text.contains('\n') && last.trim().is_empty() {
        return true;
    }
    match language {
        Language::Python => Scan::of(text, &PYTHON).is_closed() && !is_block(text),
        Language::JavaScript => Scan::of(text, &JAVASCRIPT).is_closed(),
        _ => Scan::of(text, &SHELL).is_closed() && !is_open_in_shell(text),
    }
}

/// What a language has strings and comments in.
struct Syntax {
    comment: &'static str,
    /// Block comments.
    block: Option<(&'static str, &'static str)>,
    /// Go over lines.
    long_quotes: &'static [&'static str],
    /// End with their line at the latest.
    quotes: &'static [char],
    /// Whether `'` takes a backslash as it is.
    raw_single: bool,
    brackets: bool,
}

const PYTHON: Syntax = Syntax {
    comment: "#",
    block: None,
    long_quotes: &["\"\"\"", "'''"],
    quotes: &['"', '\''],
    raw_single: false,
    brackets: true,
};
const JAVASCRIPT: Syntax = Syntax {
    comment: "//",
    block: Some(("/*", "*/")),
    long_quotes: &["`"],
    quotes: &['"', '\''],
    raw_single: false,
    brackets: true,
};
const SHELL: Syntax =
    Syntax { comment: "#", block: None, long_quotes: &["\"", "'"], quotes: &[], raw_single: true, brackets: false };

#[derive(Debug, Default, PartialEq)]
struct Scan {
    depth: i64,
    in_string: bool,
    continued: bool,
}

impl Scan {
    fn of(text: &str, syntax: &Syntax) -> Self {
        let mut scan = Self::default();
        let mut rest = text;
        let mut word_begins = true;
        while let Some(c) = rest.chars().next() {
            let begins = std::mem::replace(&mut word_begins, c.is_whitespace() || c == ';');
            // In a shell # is a comment at the beginning of a word only.
            if rest.starts_with(syntax.comment) && (syntax.brackets || begins) {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            if let Some((open, close)) = syntax.block.filter(|(open, _)| rest.starts_with(open)) {
                let Some(end) = rest[open.len()..].find(close) else {
                    scan.in_string = true;
                    return scan;
                };
                rest = &rest[open.len() + end + close.len()..];
                continue;
            }
            if let Some(quote) = syntax.long_quotes.iter().find(|quote| rest.starts_with(**quote)) {
                let raw = syntax.raw_single && *quote == "'";
                let Some(after) = after_string(&rest[quote.len()..], quote, raw, false) else {
                    scan.in_string = true;
                    return scan;
                };
                rest = after;
                continue;
            }
            if syntax.quotes.contains(&c) {
                let mut buffer = [0; 4];
                // One that is not closed is for the interpreter to complain about.
                rest = after_string(&rest[1..], c.encode_utf8(&mut buffer), false, true).unwrap_or_default();
                continue;
            }
            match c {
                '\\' => {
                    let escaped = rest[1..].chars().next();
                    scan.continued = escaped.is_none();
                    rest = &rest[1 + escaped.map_or(0, char::len_utf8)..];
                    continue;
                }
                '(' | '[' | '{' if syntax.brackets => scan.depth += 1,
                ')' | ']' | '}' if syntax.brackets => scan.depth -= 1,
                _ => {}
            }
            rest = &rest[c.len_utf8()..];
        }
        scan
    }

    fn is_closed(&self) -> bool {
        self.depth <= 0 && !self.in_string && !self.continued
    }
}

/// What follows the string that begins here; `None` when it does not end.
fn after_string<'a>(text: &'a str, quote: &str, raw: bool, one_line: bool) -> Option<&'a str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if !raw => escaped = true,
            '\n' if one_line => return Some(&text[at..]),
            _ if text[at..].starts_with(quote) => return Some(&text[at + quote.len()..]),
            _ => {}
        }
    }
    None
}

/// Whether it has a compound statement: only an empty line says that it is over.
fn is_block(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| line.starts_with('@') || line.ends_with(':'))
}

/// Whether it has more openings than ends.
fn is_open_in_shell(text: &str) -> bool {
    let mut depth = 0;
    for line in text.lines() {
        for part in line.split([';', '|', '&']) {
            match part.split_whitespace().next().unwrap_or_default() {
                "if" | "case" | "for" | "while" | "until" | "{" => depth += 1,
                "fi" | "esac" | "done" | "}" => depth -= 1,
                _ if part.trim_end().ends_with('{') => depth += 1,
                _ => {}
            }
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use jetway::code::Language::{Bash, JavaScript, Python};

    use super::is_whole;

    #[test]
    fn what_is_whole_runs() {
        for text in ["x = 1", "print('(')", "f(1)[2]", "# (", "if x: y()", "a = ':'", "'''x\n'''", "x = 'open"] {
            assert!(is_whole(Python, text), "{text:?}");
        }
        for text in ["x = 1", "f(`a\n${b}`)", "// {", "/* { */ 1", "const a = { b: '}' }", "({})"] {
            assert!(is_whole(JavaScript, text), "{text:?}");
        }
        for text in
            ["ls", "echo 'a(b'", "for x in 1; do echo $x; done", "a=${b#c}", "if true; then ls; fi", "f() { ls; }"]
        {
            assert!(is_whole(Bash, text), "{text:?}");
        }
    }

    #[test]
    fn what_is_open_goes_on() {
        for text in ["f(", "x = [1,", "'''x", "if x:", "def f():\n  pass", "@a", "x = 1 + \\", "{'a': \"(\","] {
            assert!(!is_whole(Python, text), "{text:?}");
        }
        for text in ["f(() => {", "`a", "/* x", "[1,"] {
            assert!(!is_whole(JavaScript, text), "{text:?}");
        }
        for text in ["echo 'a", "for x in 1; do", "if true; then", "ls \\", "f() {", "case x in"] {
            assert!(!is_whole(Bash, text), "{text:?}");
        }
    }

    #[test]
    fn an_empty_line_ends_everything() {
        for text in ["if x:\n  y()\n", "f(\n", "'''\n  "] {
            assert!(is_whole(Python, text), "{text:?}");
        }
    }
}
