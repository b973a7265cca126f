//! Processes: output, exit codes, signals, stdin, environment, their descendants.

use jetway_server::runtime::RuntimeError;
use tokio::io::AsyncReadExt;

use crate::support::{Outcome, ended, plan, printed, request, run, run_request, sandbox, sh, site, until_prints};
use jetway_server::runtime::Runtime;

#[tokio::test(flavor = "multi_thread")]
async fn output_streams_stay_apart_and_exit_codes_arrive() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let outcome = sh(&sandbox, "echo out; echo err >&2; exit 3").await;
    assert_eq!(outcome, Outcome { code: 3, stdout: "out\n".into(), stderr: "err\n".into() });
    assert_eq!(sh(&sandbox, "kill -9 $$").await.code, 137);
    assert_eq!(sh(&sandbox, "kill -TERM $$").await.code, 143);
    assert_eq!(run(&sandbox, &["true"]).await, printed(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_start_says_why_as_a_shell_does() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let missing = run(&sandbox, &["no-such-command"]).await;
    assert_eq!((missing.code, missing.stderr.as_str()), (127, "no-such-command: command not found\n"));
    assert_eq!(run(&sandbox, &["/no/such/file"]).await.code, 127);
    let refused = run(&sandbox, &["/etc/passwd"]).await;
    assert_eq!((refused.code, refused.stderr.as_str()), (126, "/etc/passwd: permission denied\n"));
    for argv in [&[][..], &[""], &["echo", "a\0b"]] {
        let error = sandbox.exec(request(argv)).await.err().unwrap();
        assert!(matches!(error, RuntimeError::Io { .. }), "{argv:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stdin_arrives_and_ends() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let mut request = request(&["sort"]);
    request.stdin = true;
    assert_eq!(run_request(&sandbox, request, b"b\na\n").await, printed("a\nb\n"));
    // Without stdin a reader sees the end at once.
    assert_eq!(run(&sandbox, &["wc", "-c"]).await, printed("0\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn megabytes_pass_both_ways_unharmed() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let mut request = request(&["cat"]);
    request.stdin = true;
    let bytes: Vec<u8> = (0..8_000_000u32).map(|number| b'a' + (number % 23) as u8).collect();
    let outcome = run_request(&sandbox, request, &bytes).await;
    assert_eq!(outcome.code, 0);
    assert!(outcome.stdout.as_bytes() == bytes, "{} bytes came back", outcome.stdout.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_and_working_directory_are_the_containers_and_execs_override() {
    let site = site();
    let mut plan = plan("box");
    plan.containers[0].env = [("COLOUR", "red"), ("SIZE", "big")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    plan.containers[0].working_dir = "/made/for/this".into();
    let sandbox = site.runtime.start(plan).await.unwrap();
    let mut request = request(&["/bin/sh", "-c", "echo $COLOUR $SIZE $HOME; pwd"]);
    request.env.insert("COLOUR".into(), "blue".into());
    assert_eq!(run_request(&sandbox, request, b"").await, printed("blue big /root\n/made/for/this\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_child_does_not_hold_the_streams_open() {
    let site = site();
    let sandbox = sandbox(&site).await;
    // Much longer than a command is waited for.
    assert_eq!(sh(&sandbox, "sleep 3000 & echo done").await, printed("done\n"));
    // It still runs, beside main's.
    until_prints(&sandbox, "ps -e -o comm= | grep -c sleep", "2\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_kills_the_whole_family() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let script = "sleep 7001 & (sleep 7002 &) ; setsid -w sleep 7003 & echo up; wait";
    let mut handle = sandbox.exec(request(&["/bin/bash", "-c", script])).await.unwrap();
    let mut line = [0; 3];
    handle.stdout.read_exact(&mut line).await.unwrap();
    let count = "ps -e -o args= | grep -c '^sleep 700'";
    until_prints(&sandbox, count, "3\n").await;
    drop(handle);
    until_prints(&sandbox, count, "0\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_ends_a_process_and_reports_it() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let mut handle = sandbox.exec(request(&["sleep", "1000"])).await.unwrap();
    handle.control.kill();
    assert_eq!(handle.control.wait().await, ended(137));
    assert_eq!(handle.control.wait().await, ended(137), "waiting again gives the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_reaped() {
    let site = site();
    let sandbox = sandbox(&site).await;
    sh(&sandbox, "for i in 1 2 3 4 5; do (true &) ; done").await;
    until_prints(&sandbox, "ps -e -o stat= | grep -c Z", "0\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_execs_run_at_the_same_time() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let all = futures::future::join_all((0..50).map(|number| {
        let sandbox = sandbox.clone();
        async move { (number, sh(&sandbox, &format!("sleep 0.2; echo {number}")).await) }
    }));
    for (number, outcome) in all.await {
        assert_eq!(outcome, printed(&format!("{number}\n")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_shells_find_the_interpreters_and_print_nothing_else() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let script = "python -c 'print(1)'; python3 -c 'print(2)'; node -e 'console.log(3)'; bash -c 'echo 4'; pwd; whoami";
    let outcome = run(&sandbox, &["/bin/sh", "-lc", script]).await;
    assert_eq!(outcome, printed("1\n2\n3\n4\n/workspace\nroot\n"));
    let outcome = run(&sandbox, &["/bin/bash", "-lc", "python -c 'import ssl, sqlite3, ctypes, json; print(5)'"]).await;
    assert_eq!(outcome, printed("5\n"));
}
