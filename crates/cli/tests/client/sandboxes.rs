//! Finding sandboxes, reading their logs, ending them, and which server that is about.

use serde_json::Value;

use crate::harness::{Site, wait_for};

#[test]
fn ls_and_get_show_what_there_is() {
    let site = Site::new();
    assert_eq!(site.jetway(&["ls"]).stdout, "ID  STATUS  IMAGE  AGE  TAGS\n");
    let said = site.jetway(&["run", "--detach", "--tag", "a", "--tag", "b", "--max-lifetime", "10m"]);
    let id = said.stdout.trim();
    site.sandbox(&["true"]);

    let table = site.jetway(&["ls", "--status", "running"]).stdout;
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[1], row[2], row[4]), (id, "running", "python:3.11", "a,b"));
    assert!(!table.contains('\u{1b}'), "colours in a pipe: {table:?}");
    wait_for("the other one to end", || (site.running() == [id]).then_some(()));
    assert_eq!(site.jetway(&["ls", "-q", "--all"]).stdout.lines().count(), 2);
    assert_eq!(site.jetway(&["ls", "-q", "--status", "completed"]).stdout.lines().count(), 1);
    assert_eq!(site.jetway(&["ls", "-q", "--tag", "c"]).stdout, "");

    let list: Value = serde_json::from_str(&site.jetway(&["ls", "-o", "json"]).stdout).unwrap();
    let one: Value = serde_json::from_str(&site.jetway(&["get", id, "-o", "json"]).stdout).unwrap();
    assert_eq!(list, Value::Array(vec![one.clone()]));
    assert_eq!((&one["sandboxId"], &one["status"]), (&Value::from(id), &Value::from("running")));
    assert_eq!((&one["tags"][1], &one["maxLifetimeSeconds"]), (&Value::from("b"), &Value::from(600)));
    let details = site.jetway(&["get", id]).stdout;
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: Vec<_> = details.lines().map(line).collect();
    for wanted in ["Status: running", "Tags: a, b", "Lifetime: 10m"] {
        assert!(said.iter().any(|line| line == wanted), "{details}");
    }
    assert!(details.contains("jetway.dev/image.main=host view (python "), "{details}");
    let said = site.jetway(&["ls", "--status", "runing"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("running"), "{}", said.stderr);
}

#[test]
fn logs_are_the_main_commands() {
    let site = Site::new();
    let id = site.sandbox(&["sh", "-c", "echo one; echo two; until [ -e /tmp/go ]; do sleep 0.05; done; echo three"]);
    let logs = |rest: &[&str]| site.jetway(&[&["logs", &id], rest].concat());
    wait_for("the first lines", || (logs(&[]).stdout == "one\ntwo\n").then_some(()));
    logs(&["--tail", "1"]).is(0, "two\n", "");
    logs(&["--since", "1h"]).is(0, "one\ntwo\n", "");
    logs(&["--since", "2100-01-01T00:00:00Z"]).is(0, "", "");
    let stamped = logs(&["-t", "--tail", "1"]).stdout;
    assert!(stamped.starts_with("20") && stamped.ends_with("Z two\n"), "{stamped}");
    assert_eq!(logs(&["--since", "yesterday"]).code, 2);
    assert_eq!(logs(&["--tail", "0"]).code, 2);

    let following = site.command(&["logs", "-f", &id]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    site.jetway(&["exec", &id, "--", "touch", "/tmp/go"]).is(0, "", "");
    let followed = following.wait_with_output().unwrap();
    assert_eq!((followed.status.code(), &*followed.stdout), (Some(0), &b"one\ntwo\nthree\n"[..]));
    logs(&["--tail", "1"]).is(0, "three\n", "");
}

#[test]
fn stop_delete_and_purge_end_sandboxes() {
    let site = Site::new();
    let (one, two) = (site.sandbox(&[]), site.sandbox(&[]));
    let said = site.jetway(&["stop", &one, "no-such-sandbox", &two, "--grace", "0"]);
    assert_eq!((said.code, said.stdout), (1, format!("{one}\n{two}\n")));
    assert!(said.stderr.contains("no-such-sandbox"), "{}", said.stderr);
    // Stopped means ended, at once.
    assert_eq!(site.running(), [""; 0]);
    site.jetway(&["stop", "--missing-ok", "-q", "no-such-sandbox"]).is(0, "", "");

    let one = site.sandbox(&[]);
    site.jetway(&["delete", &one]).is(0, &format!("{one}\n"), "");
    site.jetway(&["delete", "--missing-ok", "-q", "no-such-sandbox"]).is(0, "", "");
    assert_eq!(site.jetway(&["delete", "no-such-sandbox"]).code, 1);
    wait_for("it to end", || site.running().is_empty().then_some(()));

    let other = site.sandbox(&[]);
    for _ in 0..2 {
        assert_eq!(site.jetway(&["run", "-d", "--tag", "ci"]).code, 0);
    }
    site.jetway(&["purge", "--tag", "ci", "--dry-run"]).is(0, "2 sandboxes would be deleted\n", "");
    assert_eq!(site.running().len(), 3);
    site.jetway(&["purge", "--tag", "ci"]).is(0, "2 sandboxes deleted\n", "");
    wait_for("them to end", || (site.running() == [&*other]).then_some(()));
    assert_eq!(site.jetway(&["purge"]).code, 2);
}

#[test]
fn the_server_is_found_named_or_missed() {
    let site = Site::new();
    let ls = |prepare: &dyn Fn(&mut std::process::Command), arguments: &[&str]| {
        let mut command = site.command(arguments);
        // Not where its server is.
        command.env("XDG_DATA_HOME", site.path("elsewhere"));
        prepare(&mut command);
        crate::harness::Said::of(command.output().unwrap())
    };
    let said = ls(&|_| {}, &["ls"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("jetway serve") && said.stderr.contains("CWSANDBOX_BASE_URL"), "{}", said.stderr);
    assert_eq!(ls(&|_| {}, &["ls", "--url", &site.url, "--token", &site.token]).code, 0);
    assert_eq!(ls(&|_| {}, &["--url", &site.url, "--token", &site.token, "ls"]).code, 0);
    let named = |token: &str| {
        let prepare = |it: &mut std::process::Command| {
            it.env("CWSANDBOX_BASE_URL", &site.url).env("CWSANDBOX_API_KEY", token);
        };
        ls(&prepare, &["ls"])
    };
    assert_eq!(named(&site.token).code, 0);
    let refused = named("wrong-token");
    assert_eq!(refused.code, 1);
    assert!(!refused.stderr.contains("wrong-token") && refused.stderr.contains("token"), "{}", refused.stderr);
    let said = ls(&|_| {}, &["ls", "--url", "http://127.0.0.1:1", "--token", "t"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("jetway serve"), "{}", said.stderr);
    assert_eq!(site.jetway(&["--url", "http://localhost", "completion", "bash"]).code, 2);
}
