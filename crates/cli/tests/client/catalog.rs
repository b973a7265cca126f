//! `snapshots`, `templates`, `volumes`, `secrets`, `runners`.

use serde_json::Value;

use crate::harness::{Site, wait_for};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn snapshots_keep_what_a_volume_held() {
    let site = Site::new();
    let id = site.jetway(&["run", "-d", "--volume", "/work"]).stdout.trim().to_owned();
    site.jetway(&["exec", &id, "--", "sh", "-c", "echo kept >/work/file"]).is(0, "", "");
    let snapshot = site.jetway(&["snapshots", "create", "-q", &id]).stdout.trim().to_owned();
    site.jetway(&["exec", &id, "--", "rm", "/work/file"]).is(0, "", "");
    let restored = format!("{snapshot}:/data");
    site.jetway(&["run", "--snapshot", &restored, "--", "cat", "/data/file"]).is(0, "kept\n", "");

    let list = json(&site.jetway(&["snapshots", "ls", "--sandbox", &id, "-o", "json"]).stdout);
    let one = json(&site.jetway(&["snapshots", "get", &snapshot, "-o", "json"]).stdout);
    assert_eq!((&list[0], &one["sizeBytes"], &one["status"]), (&one, &Value::from(5), &Value::from("ready")));
    let table = site.jetway(&["snapshots", "ls"]).stdout;
    assert!(
        table.lines().nth(1).unwrap().starts_with(&format!("{snapshot}  ready   5 B   {id}  workspace  ")),
        "{table}"
    );
    site.jetway(&["snapshots", "delete", &snapshot]).is(0, &format!("{snapshot}\n"), "");
    let said = site.jetway(&["snapshots", "delete", &snapshot]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains(&snapshot), "{}", said.stderr);
    site.jetway(&["snapshots", "rm", "--missing-ok", "-q", &snapshot]).is(0, "", "");

    let plain = site.sandbox(&[]);
    let said = site.jetway(&["snapshots", "create", &plain]);
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("volume"), "{}", said.stderr);
}

#[test]
fn templates_make_sandboxes_and_what_is_said_wins() {
    let site = Site::new();
    let made =
        ["templates", "create", "-q", "--name", "web", "-e", "A=1", "--cwd", "/tmp", "--tag", "t", "--", "sleep", "9"];
    let template = site.jetway(&made).stdout.trim().to_owned();
    site.jetway(&["run", "--template", &template, "--", "sh", "-c", "echo $A $PWD"]).is(0, "1 /tmp\n", "");
    site.jetway(&["run", "--template", &template, "-e", "A=2", "--", "printenv", "A"]).is(0, "2\n", "");
    let one = json(&site.jetway(&["templates", "get", &template, "-o", "json"]).stdout);
    assert_eq!((&one["displayName"], &one["spec"]["command"][1]), (&Value::from("web"), &Value::from("9")));
    let table = site.jetway(&["templates", "ls"]).stdout;
    assert!(table.contains(&format!("{template}  web   python:3.11  1 ")), "{table}");
    let updated = site.jetway(&["templates", "update", &template, "-e", "A=3", "--", "sleep", "8"]).stdout;
    assert!(updated.contains("Variable:   A=3\n") && updated.contains("Revision:   2\n"), "{updated}");
    site.jetway(&["templates", "delete", &template]).is(0, &format!("{template}\n"), "");
    assert_eq!(site.jetway(&["templates", "ls", "-q"]).stdout, "");
    assert_eq!(site.jetway(&["templates", "ls", "-q", "--all"]).stdout.trim(), template);
}

#[test]
fn volumes_outlive_sandboxes() {
    let site = Site::new();
    let volume =
        site.jetway(&["volumes", "create", "-q", "data", "--description", "for tests"]).stdout.trim().to_owned();
    let run = |mount: &str, script: &str| {
        site.jetway(&["run", "--volume", &format!("{volume}:{mount}"), "--", "sh", "-c", script])
    };
    run("/data", "echo here >/data/file").is(0, "", "");
    run("/mnt/x:ro", "cat /mnt/x/file").is(0, "here\n", "");
    assert_ne!(run("/data:ro", "echo no >/data/other").code, 0);
    let details = site.jetway(&["volumes", "get", &volume]).stdout;
    assert!(details.contains("Description: for tests\n") && details.contains("Mode:        rw\n"), "{details}");
    let updated = site.jetway(&["volumes", "update", &volume, "--read-only", "true"]).stdout;
    assert!(updated.contains("Mode:        ro\n"), "{updated}");
    assert_eq!(json(&site.jetway(&["volumes", "validate", &volume, "-o", "json"]).stdout)["status"], "ready");
    let yaml = site.jetway(&["volumes", "ls", "-o", "yaml"]).stdout;
    assert!(yaml.contains("claim: data\n") && yaml.contains(&format!("id: {volume}\n")), "{yaml}");
    wait_for("its users to end", || site.running().is_empty().then_some(()));
    site.jetway(&["volumes", "delete", &volume]).is(0, &format!("{volume}\n"), "");
    assert_eq!(site.jetway(&["volumes", "ls", "-q"]).stdout, "");
    assert_eq!(site.jetway(&["run", "--volume", "work", "--", "true"]).code, 2);
}

#[test]
fn secrets_and_runners_are_shown() {
    let site = Site::new();
    site.jetway(&["secrets", "ls"]).is(0, "STORE  SOURCE  AGE\n", "");
    let said = site.jetway(&["secrets", "get", "none"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("none"), "{}", said.stderr);
    assert_eq!(site.jetway(&["run", "--secret", "store", "--", "true"]).code, 2);

    let runner = site.jetway(&["runners", "ls", "-q"]).stdout.trim().to_owned();
    let one = json(&site.jetway(&["runners", "get", &runner, "-o", "json"]).stdout);
    assert_eq!((&one["id"], &one["healthy"]), (&Value::from(&*runner), &Value::from(true)));
    assert!(site.jetway(&["runners", "ls", "--healthy"]).stdout.contains(&runner));
    assert_eq!(site.jetway(&["runners", "ls", "-q", "--gpu", "none"]).stdout, "");
    // Which server it is about can be said after the command, too.
    let named = ["runners", "ls", "-q", "--url", &site.url, "--token", &site.token];
    assert_eq!(site.jetway(&named).stdout.trim(), runner);
}
