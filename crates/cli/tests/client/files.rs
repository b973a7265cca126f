//! `files`: a sandbox's files without a shell in it.

use serde_json::Value;

use crate::harness::Site;

#[test]
fn files_are_written_read_moved_and_removed() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let files = |rest: &[&str]| site.jetway(&[&["files", &id], rest].concat());
    let bytes: Vec<u8> = (0..=255).collect();
    site.jetway_with(&["files", &id, "write", "/w/a/bytes"], &bytes).is(0, "", "");
    site.jetway_with(&["files", &id, "write", "/w/text"], b"text\n").is(0, "", "");
    files(&["cat", "/w/text", "/w/text"]).is(0, "text\ntext\n", "");
    files(&["cp", "/w/text", "/w/a"]).is(0, "", "");
    files(&["mv", "/w/text", "/w/other"]).is(0, "", "");
    files(&["mkdir", "/w/x/y", "/w/x"]).is(0, "", "");
    files(&["exists", "/w/x/y"]).is(0, "", "");
    files(&["exists", "/w/text"]).is(1, "", "");
    let list: Value = serde_json::from_str(&files(&["ls", "/w", "-d", "2", "-o", "json"]).stdout).unwrap();
    let seen: Vec<_> =
        list.as_array().unwrap().iter().map(|it| (it["path"].as_str().unwrap(), &it["sizeBytes"])).collect();
    let names: Vec<_> = seen.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["/w/a", "/w/a/bytes", "/w/a/text", "/w/other", "/w/x", "/w/x/y"]);
    assert_eq!(seen[1].1, 256);
    let table = files(&["ls", "/w"]).stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        (rows[0][0], rows[1][3], rows[2][0], rows[2][1], rows[2][3]),
        ("MODE", "a/", "-rw-r--r--", "5", "other")
    );
    let stat = files(&["stat", "/w/other"]).stdout;
    assert!(stat.contains("Mode:     -rw-r--r-- (644)\n"), "{stat}");
    let said = files(&["rm", "/w/x"]);
    assert_eq!(said.code, 1);
    files(&["rm", "-r", "/w/x", "/w/a"]).is(0, "", "");
    let said = files(&["rm", "/w/a"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.starts_with("jetway: /w/a does not exist"), "{}", said.stderr);
    files(&["rm", "-f", "/w/a"]).is(0, "", "");
    assert_eq!(files(&["cat", "relative"]).code, 2);
}

#[test]
fn a_name_does_not_steer_the_terminal() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    site.jetway(&["exec", &id, "--", "sh", "-c", "mkdir /n; touch \"/n/$(printf 'a\\033[2Jb')\""]).is(0, "", "");
    let table = site.jetway(&["files", &id, "ls", "/n"]).stdout;
    assert!(table.contains("a\\u{1b}[2Jb") && !table.contains('\u{1b}'), "{table:?}");
}
