//! Pseudo-terminals: size, control characters, job control, end of file.

use std::{sync::Arc, time::Duration};

use jetway_server::runtime::{ExecHandle, Instance};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{ended, request, sandbox, site, until_prints};

async fn open(sandbox: &Arc<dyn Instance>, argv: &[&str]) -> ExecHandle {
    let mut request = request(argv);
    request.tty = Some((100, 40));
    sandbox.exec(request).await.unwrap()
}

/// Reads until `needle` shows up.
async fn until(handle: &mut ExecHandle, needle: &str) -> String {
    let mut seen = String::new();
    let mut bytes = [0; 4096];
    while !seen.contains(needle) {
        let read = tokio::time::timeout(Duration::from_secs(10), handle.stdout.read(&mut bytes)).await;
        let count = read.unwrap_or_else(|_| panic!("no {needle:?} in {seen:?}")).unwrap();
        assert!(count > 0, "the terminal ended without {needle:?}: {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    seen
}

async fn type_in(handle: &mut ExecHandle, text: &str) {
    handle.stdin.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_has_its_terminal_and_hears_of_new_sizes() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let mut shell = open(&sandbox, &["/bin/bash", "-i"]).await;
    assert!(shell.stderr.is_none());
    type_in(&mut shell, "tty; stty size; echo ready\n").await;
    let seen = until(&mut shell, "\nready").await;
    assert!(seen.contains("/dev/pts/0") && seen.contains("40 100"), "{seen}");
    assert!(!seen.contains("job control"), "{seen}");
    shell.control.resize(120, 50);
    type_in(&mut shell, "stty size\n").await;
    until(&mut shell, "50 120").await;
    type_in(&mut shell, "exit 7\n").await;
    assert_eq!(shell.control.wait().await, ended(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn control_c_interrupts_the_foreground_process_only() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let mut shell = open(&sandbox, &["/bin/sh", "-i"]).await;
    type_in(&mut shell, "echo u''p; sleep 1000\n").await;
    until(&mut shell, "up\r\n").await;
    until_prints(&sandbox, "ps -e -o args= | grep -c '^sleep 1000'", "1\n").await;
    type_in(&mut shell, "\u{3}").await;
    type_in(&mut shell, "echo still-$((1 + 1))\n").await;
    until(&mut shell, "still-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_stdin_types_end_of_file_and_the_output_ends() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let mut cat = open(&sandbox, &["cat"]).await;
    type_in(&mut cat, "hello\n").await;
    until(&mut cat, "hello").await;
    drop(cat.stdin.take());
    assert_eq!(cat.control.wait().await, ended(0));
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), cat.stdout.read_to_end(&mut rest)).await.unwrap().unwrap();
}
