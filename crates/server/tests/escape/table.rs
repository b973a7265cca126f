//! The table of `docs/security.md`: made from the cases, so that it says what is tried and nothing else.

use std::{fmt::Write, fs, path::PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::{case::Verdict, subjects};

const BEGIN: &str = "<!-- table: begin -->\n";
const END: &str = "<!-- table: end -->";

/// Tests of the table itself.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("docs_show_what_is_tried", || compare().map_err(Failed::from)),
        Trial::test("enough_is_tried", count),
    ]
}

fn count() -> Result<(), Failed> {
    let cases: Vec<_> = subjects().into_iter().flat_map(|(_, _, cases)| cases).collect();
    let mut names: Vec<_> = cases.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    let silent = cases.iter().find(|case| [case.as_root, case.as_user].iter().any(|verdict| said(*verdict).is_empty()));
    match silent {
        Some(case) => Err(format!("{} does not say what stops it", case.name).into()),
        None if names.len() < cases.len() => Err("two cases have one name".into()),
        None if cases.len() < 60 => Err(format!("only {} cases", cases.len()).into()),
        None => Ok(()),
    }
}

fn compare() -> Result<(), String> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security.md"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (before, rest) = text.split_once(BEGIN).ok_or("docs/security.md has no place for the table")?;
    let (shown, after) = rest.split_once(END).ok_or("docs/security.md has no end of the table")?;
    let made = render();
    if shown == made {
        return Ok(());
    }
    if std::env::var_os("JETWAY_WRITE_DOCS").is_some() {
        return fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).map_err(|error| error.to_string());
    }
    let line = made.lines().zip(shown.lines()).find(|(made, shown)| made != shown);
    Err(format!(
        "docs/security.md shows another table than the cases make ({line:?}); write it with\n  \
         JETWAY_WRITE_DOCS=1 cargo test -p jetway-server --test escape docs_show"
    ))
}

fn said(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Blocked(what) | Verdict::Open(what) => what,
    }
}

fn cell(verdict: Verdict) -> String {
    match verdict {
        Verdict::Blocked(what) => what.to_owned(),
        Verdict::Open(meaning) => format!("**not blocked**: {meaning}"),
    }
}

fn render() -> String {
    let mut text = String::new();
    for (subject, title, cases) in subjects() {
        let _ = writeln!(text, "\n### {title}\n\n| `{subject}::` | tries to | stopped by | under an ordinary user |");
        text.push_str("|---|---|---|---|\n");
        for case in cases {
            let (root, user) = (cell(case.as_root), cell(case.as_user));
            let user = if user == root { "the same".to_owned() } else { user };
            let _ = writeln!(text, "| `{}` | {} | {root} | {user} |", case.name, case.attack);
        }
    }
    text.push('\n');
    text
}
