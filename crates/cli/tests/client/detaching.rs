//! Terminals that are left and come back to: detach keys, `--attach`, `--list`, `--keep-for`, lost connections.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    harness::{Site, signal, wait_for},
    pty::Terminal,
    terminal::ask,
    wire::Wire,
};

const DETACH: &str = "\x10\x11";

fn kept(site: &Site, id: &str) -> Vec<Value> {
    let said = site.jetway(&["sh", id, "--list", "-o", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    serde_json::from_str::<Vec<Value>>(&said.stdout).unwrap()
}

/// Detaches, and gives the terminal's name out of the command that it says to attach again with.
fn detach(terminal: &mut Terminal, keys: &str, id: &str) -> String {
    terminal.type_keys(keys);
    terminal.expect(&format!("to attach again: jetway sh {id} --attach "));
    let name = terminal.expect("\n").trim().to_owned();
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(terminal.mode(), terminal.initial_mode());
    name
}

/// Whether the shell still has the variable that it was given before it was left.
fn is_the_same(terminal: &Terminal) {
    terminal.type_keys("echo mark''er is $marker\r");
    terminal.expect("marker is kept");
}

#[test]
fn a_shell_that_is_left_goes_on_and_shows_what_it_printed_meanwhile() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--keep-for", "1h"]), 80, 24);
    ask(&terminal, "echo be''fore; marker=kept", "before\r\n");
    // What is typed just before the keys arrives.
    terminal.type_keys("until [ -e /tmp/go ]; do sleep 0.02; done; echo mean''while; touch /tmp/said\r");
    let name = detach(&mut terminal, DETACH, &id);

    let listed = kept(&site, &id);
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &Value::from(&*name)));
    wait_for("the server to see us gone", || (kept(&site, &id)[0]["connected"] == 0).then_some(()));
    assert!(kept(&site, &id)[0]["expiresAt"].is_string());
    let table = site.jetway(&["sh", &id, "--list"]);
    assert!(table.stdout.starts_with("TERMINAL ") && table.stdout.contains(&name), "{}", table.stdout);
    let script = "touch /tmp/go; until [ -e /tmp/said ]; do sleep 0.02; done";
    assert_eq!(site.jetway(&["exec", &id, "--", "sh", "-c", script]).code, 0);

    let mut terminal = Terminal::start(site.command(&["sh", &id, "--attach", &name]), 100, 30);
    let replayed = terminal.expect("meanwhile\r\n");
    assert!(replayed.contains("before\r\n"), "{replayed:?}");
    is_the_same(&terminal);
    // Everything that a shell has: its size, Ctrl-C, Ctrl-Z and fg.
    wait_for("the size", || {
        terminal.type_keys("stty size; echo do''ne\r");
        terminal.expect("done\r\n").contains("30 100").then_some(())
    });
    terminal.resize(66, 22);
    wait_for("the new size", || {
        terminal.type_keys("stty size; echo do''ne\r");
        terminal.expect("done\r\n").contains("22 66").then_some(())
    });
    terminal.type_keys("echo beg''un; sleep 600\r");
    terminal.expect("begun\r\n");
    terminal.type_keys("\x03");
    ask(&terminal, "echo code $?", "code 130");
    terminal.type_keys("sh -c 'echo beg''un; read x; echo got $x'\r");
    terminal.expect("begun\r\n");
    terminal.type_keys("\x1a");
    terminal.expect("topped");
    terminal.type_keys("fg\r");
    terminal.expect("fg\r\n");
    terminal.expect("read x");
    terminal.type_keys("word\r");
    terminal.expect("got word\r\n");
    assert_eq!(detach(&mut terminal, DETACH, &id), name);

    // Whoever comes back last gets its exit code.
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--attach", &name]), 80, 24);
    terminal.expect("got word\r\n");
    terminal.type_keys("exit 7\r");
    assert_eq!(terminal.exit_code(), 7);
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--attach", "none-such"]), 80, 24);
    terminal.expect("CWSANDBOX_TERMINAL_NOT_FOUND");
    terminal.expect(&format!("jetway sh {id} --list"));
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(terminal.mode(), terminal.initial_mode());
}

#[test]
fn the_keys_are_as_one_says_and_what_only_begins_like_them_is_typed() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--detach-keys", "ctrl-a,d"]), 80, 24);
    terminal
        .type_keys("stty raw -echo; echo rea''dy; dd bs=1 count=4 2>/dev/null | od -An -tx1; stty sane; echo re''ad\r");
    terminal.expect("ready");
    terminal.type_keys("\x10\x11\x01x");
    let shown = terminal.expect("read\r\n");
    assert!(shown.contains("10 11 01 78"), "{shown:?}");
    detach(&mut terminal, "\x01d", &id);
    // None at all: everything is the shell's.
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--detach-keys", ""]), 80, 24);
    terminal
        .type_keys("stty raw -echo; echo rea''dy; dd bs=1 count=2 2>/dev/null | od -An -tx1; stty sane; echo re''ad\r");
    terminal.expect("ready");
    terminal.type_keys(DETACH);
    let shown = terminal.expect("read\r\n");
    assert!(shown.contains("10 11"), "{shown:?}");
    terminal.type_keys("exit\r");
    assert_eq!(terminal.exit_code(), 0);
    let wrong = site.jetway(&["sh", &id, "--detach-keys", "ctrl-,q"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("e.g. ctrl-p,ctrl-q"), "{}", wrong.stderr);
}

#[test]
fn a_new_sandbox_stays_with_the_shell_that_is_left_in_it() {
    let site = Site::new();
    let mut terminal = Terminal::start(site.command(&["sh"]), 80, 24);
    ask(&terminal, "marker=kept; echo $?", "0");
    let id = site.running().remove(0);
    let name = detach(&mut terminal, DETACH, &id);
    assert_eq!(site.running(), [id.as_str()]);
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--attach", &name]), 80, 24);
    is_the_same(&terminal);
    // A terminal that goes away leaves it, a program that is told to end does not.
    signal(terminal.child(), Signal::HUP);
    assert_eq!(terminal.exit_code(), 129);
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--attach", &name]), 80, 24);
    terminal.expect("marker is kept");
    is_the_same(&terminal);
    signal(terminal.child(), Signal::TERM);
    assert_eq!(terminal.exit_code(), 143);
    wait_for("its end", || kept(&site, &id).is_empty().then_some(()));
}

#[test]
fn two_may_be_in_one_terminal() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut first = Terminal::start(site.command(&["sh", &id]), 80, 24);
    ask(&first, "echo he''re", "here\r\n");
    let name = kept(&site, &id)[0]["id"].as_str().unwrap().to_owned();
    let mut second = Terminal::start(site.command(&["sh", &id, "--attach", &name]), 80, 24);
    second.expect("here\r\n");
    second.type_keys("echo bo''th; exit 3\r");
    first.expect("both\r\n");
    assert_eq!((first.exit_code(), second.exit_code()), (3, 3));
}

#[test]
fn a_lost_connection_is_made_again_or_left() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let wire = Wire::to(&site.url);
    let through = || site.command(&["sh", &id, "--url", &wire.url, "--token", &site.token]);
    let mut terminal = Terminal::start(through(), 80, 24);
    ask(&terminal, "marker=kept; echo $?", "0\r\n");
    wire.cut();
    terminal.expect("Ctrl-C leaves it");
    terminal.type_keys("echo ty''ped meanwhile\r");
    wire.mend();
    terminal.expect("connected again");
    terminal.expect("typed meanwhile\r\n");
    is_the_same(&terminal);
    wire.cut();
    terminal.expect("Ctrl-C leaves it");
    terminal.type_keys("\x03");
    terminal.expect(&format!("to attach again: jetway sh {id} --attach "));
    assert_eq!(terminal.exit_code(), 130);
    assert_eq!(terminal.mode(), terminal.initial_mode());
    // It was only left.
    assert_eq!(kept(&site, &id).len(), 1);
}

/// A proxy before the site's server, and a token for it that may run commands and nothing of terminals: as a server is
/// that has no TerminalService.
struct WithoutTerminals {
    proxy: Child,
    url: String,
    token: String,
}

impl WithoutTerminals {
    fn before(site: &Site) -> Self {
        let (key, secret, ready) = (site.path("key"), site.path("secret"), site.path("proxy.json"));
        std::fs::write(&key, &site.token).unwrap();
        std::fs::write(&secret, "operator").unwrap();
        let mut command = site.command(&["proxy", "--upstream", &site.url, "--mint-tokens", "--listen", "127.0.0.1:0"]);
        command.args(["--upstream-key-file", &key, "--operator-secret-file", &secret, "--ready-file", &ready]);
        let proxy = command.stdout(Stdio::null()).spawn().unwrap();
        let told: Value = wait_for("the proxy", || serde_json::from_str(&std::fs::read_to_string(&ready).ok()?).ok());
        let url = told["url"].as_str().unwrap().trim_end_matches('/').to_owned();
        let methods = ["GetSandbox", "StreamExec"].map(|rpc| format!("coreweave.sandbox.v1.SandboxService/{rpc}"));
        let body = serde_json::json!({ "methods": methods }).to_string();
        let address = url.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).unwrap();
        write!(
            connection,
            "POST /tokens HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer operator\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        Self { proxy, url, token: answer["token"].as_str().unwrap().to_owned() }
    }
}

impl Drop for WithoutTerminals {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

#[test]
fn a_server_that_keeps_no_terminals_is_named_where_that_matters() {
    const WHY: &str = "this server keeps no terminals";
    let site = Site::new();
    let id = site.sandbox(&[]);
    let without = WithoutTerminals::before(&site);
    let there = ["--url", &without.url, "--token", &without.token];
    let arguments =
        |more: &[&str]| [&["sh", &id], more, &there].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let start = |more: &[&str]| {
        let mut command = site.command(&[]);
        command.args(arguments(more));
        Terminal::start(command, 80, 24)
    };
    // A shell all the same; it goes on when somebody tries to leave it.
    let mut terminal = start(&[]);
    ask(&terminal, "echo he''re", "here\r\n");
    terminal.type_keys(DETACH);
    terminal.expect(WHY);
    ask(&terminal, "echo still he''re", "still here\r\n");
    terminal.type_keys("exit 5\r");
    assert_eq!(terminal.exit_code(), 5);
    for more in [&["--attach", "name"][..], &["--keep-for", "1h"], &["--list"]] {
        let mut terminal = start(more);
        terminal.expect(WHY);
        assert_eq!(terminal.exit_code(), 1, "{more:?}");
        assert_eq!(terminal.mode(), terminal.initial_mode());
    }
}
