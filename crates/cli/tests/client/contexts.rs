//! `login`, `logout`, `config`: servers by name.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::{
    harness::{Said, Site},
    pty::Terminal,
};

#[test]
fn a_server_is_logged_in_to_used_and_forgotten() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    // Not where its server is: only what was logged in to is known.
    let away = |arguments: &[&str], input: &str, variables: &[(&str, &str)]| {
        let mut command = site.command(arguments);
        command.env("XDG_DATA_HOME", site.path("elsewhere")).envs(variables.iter().copied());
        let mut child = crate::harness::Piped::piped(&mut command).spawn().unwrap();
        // Not every command reads it.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        Said::of(child.wait_with_output().unwrap())
    };
    let wrong = away(&["login", &site.url, "--token-stdin", "--name", "work"], "wrong", &[]);
    assert_eq!((wrong.code, &*wrong.stdout), (1, ""));
    assert!(!fs::exists(site.path(".config")).unwrap(), "a token that is refused is kept");
    let token = format!("{}\n", site.token);
    let said = away(&["login", &site.url, "--token-stdin", "--name", "work"], &token, &[]);
    said.is(0, &format!("work ({}) is in use from now on\n", site.url), "");
    let file = site.path(".config/jetway/config.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    away(&["config", "path"], "", &[]).is(0, &format!("{file}\n"), "");

    let listed = format!("{id}\n");
    away(&["ls", "-q"], "", &[]).is(0, &listed, "");
    away(&["login", "http://127.0.0.1:1", "--token-stdin", "--no-check"], "t", &[]);
    assert_eq!(away(&["ls", "-q"], "", &[]).code, 1);
    away(&["ls", "-q", "--context", "work"], "", &[]).is(0, &listed, "");
    away(&["--context", "work", "ls", "-q"], "", &[]).is(0, &listed, "");
    away(&["ls", "-q"], "", &[("JETWAY_CONTEXT", "work")]).is(0, &listed, "");
    let named = [("CWSANDBOX_BASE_URL", &*site.url), ("CWSANDBOX_API_KEY", &*site.token)];
    away(&["ls", "-q"], "", &named).is(0, &listed, "");
    assert_eq!(away(&["ls", "--context", "work", "--url", &site.url], "", &[]).code, 2);
    let unknown = away(&["ls", "--context", "home"], "", &[]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("127.0.0.1:1, work, local"), "{}", unknown.stderr);

    let list: Value = serde_json::from_str(&away(&["config", "ls", "-o", "json"], "", &[]).stdout).unwrap();
    assert_eq!(
        (&list[1]["name"], &list[1]["current"], &list[0]["current"]),
        (&"work".into(), &false.into(), &true.into())
    );
    let table = away(&["config", "ls"], "", &[]).stdout;
    assert!(!table.contains(site.token.as_str()) && table.contains(&site.url), "{table}");
    away(&["config", "use", "work"], "", &[]).is(0, "work is in use from now on\n", "");
    away(&["config", "rename", "work", "office"], "", &[]).is(0, "", "");
    away(&["config", "current"], "", &[]).is(0, "office\n", "");
    away(&["logout"], "", &[]).is(0, "office is forgotten\n", "");
    assert!(!fs::read_to_string(&file).unwrap().contains(site.token.as_str()));
    assert_eq!(away(&["logout"], "", &[]).code, 2);
    assert_eq!(away(&["login", "example.com", "--token-stdin"], "t", &[]).code, 2);
    assert_eq!(away(&["login", &site.url], "", &[]).code, 2);
}

#[test]
fn a_token_that_is_typed_is_not_shown() {
    let site = Site::new();
    let mut terminal = Terminal::start(site.command(&["login", &site.url, "--name", "typed"]), 100, 24);
    let before = terminal.initial_mode();
    terminal.expect("(not shown): ");
    terminal.type_keys(&format!("{}\r", site.token));
    let shown = terminal.expect("is in use from now on");
    assert!(!shown.contains(&site.token), "{shown}");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(terminal.mode(), before);
}
