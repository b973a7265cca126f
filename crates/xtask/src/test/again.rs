//! What a suite's output says about its failures: which tests to run again, and the part a person wants to read. Pure.
//!
//! A test that fails once and passes alone is a defect of the test or worse, and is counted and named as flaky; it does
//! not throw away the news of all the others. What fails twice has failed.

use super::counts::Dialect;

/// More failures than this are not bad luck.
const FEW: usize = 10;
/// How much of the failures' own text is shown.
const SHOWN: usize = 80;

/// The failed tests as the suite's own program wants them named; empty where running again makes no sense.
pub fn candidates(dialect: Dialect, lines: &[String]) -> Vec<String> {
    let mut names: Vec<String> = lines
        .iter()
        .filter_map(|line| match dialect {
            Dialect::Cargo => line.strip_prefix("test ")?.strip_suffix(" ... FAILED"),
            Dialect::Node => line.strip_prefix("test at ")?.rsplitn(3, ':').nth(2),
            Dialect::Pytest => line.strip_prefix("FAILED ").map(|rest| rest.split(" - ").next().unwrap_or(rest)),
        })
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    // A crashed binary took tests with it that nobody counted.
    let crashed = lines.iter().any(|line| line.contains("(signal: "));
    if crashed || names.len() > FEW { Vec::new() } else { names }
}

/// What the failed tests themselves said.
pub fn details(dialect: Dialect, lines: &[String]) -> Vec<&str> {
    let begins = |line: &str| match dialect {
        Dialect::Cargo => line.starts_with("---- "),
        Dialect::Node => line == "✖ failing tests:",
        Dialect::Pytest => line.contains("= FAILURES ="),
    };
    let ends = |line: &str| match dialect {
        Dialect::Cargo => line == "failures:",
        Dialect::Node => false,
        Dialect::Pytest => line.contains(" short test summary "),
    };
    let mut inside = false;
    let mut found = Vec::new();
    for line in lines.iter().map(String::as_str) {
        inside = (inside || begins(line)) && !ends(line);
        if inside && !line.is_empty() {
            found.push(line);
        }
    }
    found.truncate(SHOWN);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn cargo_names_tests_and_says_why_they_failed() {
        let text = lines(
            "test a::b ... ok\ntest a::c ... FAILED\n\nfailures:\n\n---- a::c stdout ----\npanicked: 3 is not 4\n\n\
             failures:\n    a::c\n\ntest result: FAILED. 1 passed; 1 failed",
        );
        assert_eq!(candidates(Dialect::Cargo, &text), ["a::c"]);
        assert_eq!(details(Dialect::Cargo, &text), ["---- a::c stdout ----", "panicked: 3 is not 4"]);
    }

    #[test]
    fn node_names_files_once_each() {
        let text = lines(
            "✖ x (1ms)\nℹ fail 2\n\n✖ failing tests:\n\ntest at tests/js/a.test.mjs:1:33\n✖ x\n  boom\n\
             test at tests/js/a.test.mjs:9:1\n✖ y",
        );
        assert_eq!(candidates(Dialect::Node, &text), ["tests/js/a.test.mjs"]);
        assert!(details(Dialect::Node, &text).contains(&"  boom"));
    }

    #[test]
    fn pytest_names_tests_without_their_messages() {
        let text = lines(
            "=== FAILURES ===\n___ test_b ___\nE  assert 1 == 2\n=== short test summary info ===\n\
             FAILED tests/peers/test_a.py::test_b - assert 1 == 2",
        );
        assert_eq!(candidates(Dialect::Pytest, &text), ["tests/peers/test_a.py::test_b"]);
        assert_eq!(details(Dialect::Pytest, &text).last(), Some(&"E  assert 1 == 2"));
    }

    #[test]
    fn a_suite_that_is_broken_is_not_run_again() {
        let text: Vec<String> = (0..11).map(|number| format!("test t{number} ... FAILED")).collect();
        assert!(candidates(Dialect::Cargo, &text).is_empty());
        let crash = lines("test a ... FAILED\nprocess didn't exit successfully: `x` (signal: 11, SIGSEGV)");
        assert!(candidates(Dialect::Cargo, &crash).is_empty());
    }
}
