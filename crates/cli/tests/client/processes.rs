//! `run` and `exec`: output, input, exit codes, signals, pipes.

use std::io::Read;

use rustix::process::Signal;

use crate::harness::{Piped, Said, Site, signal, wait_for};

#[test]
fn run_is_the_command_and_leaves_nothing() {
    let site = Site::new();
    site.jetway(&["run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]).is(7, "out\n", "err\n");
    site.jetway_with(&["run", "python3", "-"], b"print(6 * 7)").is(0, "42\n", "");
    let said =
        site.jetway(&["run", "-e", "A=1 2", "-e", "HOME", "--cwd", "/tmp", "--", "sh", "-c", "echo $A $PWD $HOME"]);
    said.is(0, &format!("1 2 /tmp {}\n", site.path("").trim_end_matches('/')), "");
    site.jetway(&["run", "--", "no-such-program"]).is(127, "", "no-such-program: command not found\n");
    wait_for("the sandboxes to end", || site.running().is_empty().then_some(()));
}

#[test]
fn run_keeps_its_sandbox_when_told_to() {
    let site = Site::new();
    let said = site.jetway(&["run", "--keep", "--tag", "mine", "--", "touch", "/tmp/file"]);
    let id = said.stderr.strip_prefix("jetway: kept sandbox ").unwrap().trim().to_owned();
    assert_eq!((said.code, &*said.stdout), (0, ""));
    site.jetway(&["exec", &id, "--", "ls", "/tmp/file"]).is(0, "/tmp/file\n", "");
    assert_eq!(site.jetway(&["ls", "-q", "--tag", "mine"]).stdout.trim(), id);
}

#[test]
fn an_image_that_is_not_served_is_told_with_those_that_are() {
    let site = Site::new();
    let said = site.jetway(&["run", "--image", "no/such:image", "--", "true"]);
    assert_eq!((said.code, &*said.stdout), (1, ""));
    for words in ["\"no/such:image\"", "host", "CWSANDBOX_IMAGE_NOT_FOUND", "--image"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
}

#[test]
fn exec_takes_its_options() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let exec = |rest: &[&str]| site.jetway(&[&["exec", &id], rest].concat());
    exec(&["--cwd", "/usr", "-e", "A=b", "--", "sh", "-c", "echo $PWD $A; exit 3"]).is(3, "/usr b\n", "");
    // From the first word of the command on, everything is the command's.
    exec(&["echo", "--cwd", "-n"]).is(0, "--cwd -n\n", "");
    let said = exec(&["--timeout", "300ms", "--", "sh", "-c", "echo begun; sleep 600"]);
    assert_eq!((said.code, &*said.stdout), (124, "begun\n"));
    assert!(said.stderr.starts_with("jetway: "), "{}", said.stderr);
    let said = exec(&["--cwd", "src", "--", "ls"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("\"/src\""), "{}", said.stderr);
    let said = site.jetway(&["exec", "no-such-sandbox", "--", "ls"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("CWSANDBOX_SANDBOX_NOT_FOUND"), "{}", said.stderr);
    assert_eq!(site.jetway(&["exec", &id]).code, 2);
}

#[test]
fn a_pipe_carries_every_byte_both_ways() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let bytes: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.to_le_bytes()).collect();
    let mut child = site.command(&["exec", &id, "--", "cat"]).piped().spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &sent).unwrap());
    let mut received = Vec::new();
    stdout.read_to_end(&mut received).unwrap();
    writer.join().unwrap();
    assert!(received == bytes, "{} of {} bytes", received.len(), bytes.len());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut child = site.command(&["exec", &id, "--", "yes"]).piped().spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 1000]).unwrap();
    drop(stdout);
    let said = Said::at_the_end_of(child);
    assert_eq!((said.code, &*said.stderr), (141, ""));
    let runs = || site.jetway(&["exec", &id, "--", "sh", "-c", "cat /proc/[0-9]*/comm | grep -cx yes"]);
    wait_for("the process to end", || (runs().stdout == "0\n").then_some(()));
}

#[test]
fn the_first_interrupt_is_the_commands_and_the_second_leaves() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let begin = |script: &str| {
        let mut child = site.command(&["exec", &id, "--", "sh", "-c", script]).piped().spawn().unwrap();
        let stdout = child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut [0; "begun\n".len()]).unwrap();
        child
    };
    let child = begin("trap 'echo caught; exit 5' INT; echo begun; while :; do sleep 0.05; done");
    signal(&child, Signal::INT);
    Said::at_the_end_of(child).is(5, "caught\n", "");

    let child = begin("echo begun; sleep 600");
    signal(&child, Signal::INT);
    Said::at_the_end_of(child).is(130, "", "");

    let mut child = begin("trap 'echo caught' INT; echo begun; while :; do sleep 0.05; done");
    signal(&child, Signal::INT);
    child.stdout.as_mut().unwrap().read_exact(&mut [0; "caught\n".len()]).unwrap();
    signal(&child, Signal::INT);
    assert_eq!(Said::at_the_end_of(child).code, 130);
}

#[test]
fn a_run_that_is_stopped_leaves_no_sandbox() {
    let site = Site::new();
    for (sent, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut child = site.command(&["run", "--", "sh", "-c", "echo begun; sleep 600"]).piped().spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0; "begun\n".len()]).unwrap();
        signal(&child, sent);
        Said::at_the_end_of(child).is(code, "", "");
        wait_for("the sandbox to end", || site.running().is_empty().then_some(()));
    }
}
