//! Reads the closing lines of cargo, Node and pytest: how many passed, failed, were skipped. Pure.

use std::fmt;
use std::ops::AddAssign;

/// What a suite's tests came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that ran and held.
    pub passed: u64,
    /// Tests that ran and did not, or did not get to their end.
    pub failed: u64,
    /// Tests that said why they did not run.
    pub skipped: u64,
    /// Tests that failed once and passed when run again, alone.
    pub flaky: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.flaky += other.flaky;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)?;
        if self.flaky > 0 { write!(f, ", {} flaky (failed once, passed when run again)", self.flaky) } else { Ok(()) }
    }
}

/// Who wrote the lines.
#[derive(Clone, Copy, Debug)]
pub enum Dialect {
    /// `test result: ok. 5 passed; 0 failed; 1 ignored; …`, once per test binary.
    Cargo,
    /// `ℹ pass 5` and its neighbours, once.
    Node,
    /// `=== 5 passed, 1 skipped in 2.1s ===`, once.
    Pytest,
}

/// The sum of every summary in `lines`; `None` where there is no summary at all.
pub fn read(dialect: Dialect, lines: &[String]) -> Option<Counts> {
    let mut found = None;
    for line in lines {
        let words = match dialect {
            Dialect::Cargo => line.strip_prefix("test result: ").map(pairs),
            Dialect::Node => line.strip_prefix("ℹ ").map(|rest| pairs(&swapped(rest))),
            Dialect::Pytest => line.starts_with('=').then(|| pairs(line.trim_matches(['=', ' ']))),
        };
        let counted = words.map(|words| sum(&words)).filter(|(known, _)| *known);
        if let Some((_, counts)) = counted {
            *found.get_or_insert_with(Counts::default) += counts;
        }
    }
    found
}

/// Every number with the word after it.
fn pairs(text: &str) -> Vec<(u64, String)> {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || ",;.".contains(c)).filter(|w| !w.is_empty()).collect();
    words.windows(2).filter_map(|two| Some((two[0].parse().ok()?, two[1].to_owned()))).collect()
}

/// Node puts the word first.
fn swapped(text: &str) -> String {
    text.split_once(' ').map(|(word, number)| format!("{number} {word}")).unwrap_or_default()
}

fn sum(pairs: &[(u64, String)]) -> (bool, Counts) {
    let mut counts = Counts::default();
    let mut known = false;
    for (number, word) in pairs {
        let place = match word.as_str() {
            "passed" | "pass" | "xfailed" => &mut counts.passed,
            "failed" | "fail" | "cancelled" | "error" | "errors" | "xpassed" => &mut counts.failed,
            "ignored" | "skipped" | "todo" => &mut counts.skipped,
            _ => continue,
        };
        known = true;
        *place += number;
    }
    (known, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn cargo_says_it_once_per_binary() {
        let text = "running 2 tests\ntest a ... ok\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s\n\
            test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";
        assert_eq!(read(Dialect::Cargo, &lines(text)), Some(Counts { passed: 5, failed: 4, skipped: 1, flaky: 0 }));
    }

    #[test]
    fn node_puts_the_word_first_and_counts_the_cancelled_apart() {
        let text = "✔ does (1ms)\nℹ tests 6\nℹ suites 0\nℹ pass 3\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 50.1";
        assert_eq!(read(Dialect::Node, &lines(text)), Some(Counts { passed: 3, failed: 2, skipped: 1, flaky: 0 }));
    }

    #[test]
    fn pytest_counts_errors_as_failures() {
        let text = "collected 9 items\n====== 1 failed, 5 passed, 2 skipped, 1 error in 3.21s ======";
        assert_eq!(read(Dialect::Pytest, &lines(text)), Some(Counts { passed: 5, failed: 2, skipped: 2, flaky: 0 }));
    }

    #[test]
    fn output_without_a_summary_is_not_a_success() {
        assert_eq!(read(Dialect::Node, &lines("Segmentation fault")), None);
        assert_eq!(read(Dialect::Pytest, &lines("==== ERRORS ====")), None);
    }
}
