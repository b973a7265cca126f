//! Processes: output, exit, check, timeout, cancellation, backpressure.

use std::time::{Duration, Instant};

use futures::StreamExt;
use jetway::{ErrorKind, ExecOptions, ProcessResult};

use crate::support::Site;

fn sh(script: &str) -> [String; 3] {
    ["/bin/sh", "-c", script].map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_has_the_output_by_stream_the_exit_code_and_the_duration() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let result = sandbox.exec(sh("echo out; echo err >&2; exit 3"), ExecOptions::default()).await.unwrap();
    assert_eq!((result.exit_code, result.ok()), (3, false));
    assert_eq!((result.stdout_text().as_ref(), result.stderr_text().as_ref()), ("out\n", "err\n"));
    assert_eq!(result.command[2], "echo out; echo err >&2; exit 3");
    assert!(!result.truncated && !result.timed_out);
    assert!(result.duration > Duration::ZERO && result.duration < Duration::from_secs(30));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_arrive_while_the_process_runs() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let script = "i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); sleep 0.1; done";
    let process = sandbox.exec(sh(script), ExecOptions::default());
    let mut lines = process.lines().unwrap();
    let mut seen = Vec::new();
    while let Some(line) = lines.next().await {
        seen.push((line.unwrap(), Instant::now()));
    }
    let texts: Vec<_> = seen.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(texts, ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    let spread = seen[4].1 - seen[0].1;
    assert!(spread > Duration::from_millis(300), "the lines came within {spread:?}");
    assert_eq!(process.await.unwrap().exit_code, 0);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_streamed_is_not_collected() {
    let site = Site::open().await;
    let process = site.sandbox().exec(sh("echo out; echo err >&2"), ExecOptions::default());
    let lines: Vec<_> = process.lines().unwrap().map(Result::unwrap).collect().await;
    assert_eq!(lines, ["out"]);
    let result = process.await.unwrap();
    assert_eq!((result.stdout.len(), result.stderr_text().as_ref()), (0, "err\n"));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_can_be_read_after_the_end() {
    let site = Site::open().await;
    let process = site.sandbox().exec(["echo", "hi"], ExecOptions::default());
    assert_eq!(process.wait().await.unwrap(), 0);
    let lines: Vec<_> = process.lines().unwrap().map(Result::unwrap).collect().await;
    assert_eq!(lines, ["hi"]);
    assert_eq!(process.result().await.unwrap().stdout_text(), "hi\n");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_has_one_reader() {
    let site = Site::open().await;
    let process = site.sandbox().exec(["echo", "hi"], ExecOptions::default());
    let first = process.stdout();
    assert!(first.is_some() && process.stdout().is_none() && process.lines().is_none());
    assert!(process.stderr().is_some());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_makes_a_failure_of_a_non_zero_exit_with_the_result() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let process = sandbox.exec(sh("echo partial; echo boom >&2; exit 2"), ExecOptions::default().check(true));
    let error = process.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxExecution);
    assert!(error.message().contains("boom"), "{error}");
    let result = ProcessResult::of(&error).unwrap();
    assert_eq!((result.exit_code, result.stdout_text().as_ref()), (2, "partial\n"));
    assert!(sandbox.exec(["true"], ExecOptions::default().check(true)).await.is_ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cwd_and_env_reach_the_command_and_are_never_shell_text() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let options = ExecOptions::default().cwd("/usr/bin").env("COLOUR", "deep blue");
    let result = sandbox.exec(sh("pwd; echo \"$COLOUR\""), options).await.unwrap();
    assert_eq!(result.stdout_text(), "/usr/bin\ndeep blue\n");
    let result = sandbox.exec(sh("echo \"[$COLOUR]\""), ExecOptions::default()).await.unwrap();
    assert_eq!(result.stdout_text(), "[]\n");
    let nowhere = sandbox.exec(["true"], ExecOptions::default().cwd("/no such 'dir'")).await.unwrap();
    assert_ne!(nowhere.exit_code, 0);
    assert!(nowhere.stderr_text().contains("/no such 'dir'"), "{}", nowhere.stderr_text());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commands_timeout_ends_it_and_keeps_what_it_printed() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    sandbox.wait(None).await.unwrap();
    let begun = Instant::now();
    let options = ExecOptions::default().timeout(Duration::from_millis(500));
    let error = sandbox.exec(sh("echo before; exec sleep 77.25"), options).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(60), "the command ran to its own end");
    assert_eq!(error.kind(), ErrorKind::SandboxCommandTimeout, "{error:?}");
    let result = ProcessResult::of(&error).unwrap();
    assert_eq!((result.timed_out, result.stdout_text().as_ref()), (true, "before\n"));
    gone(&sandbox, "77.25").await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_the_process_everywhere() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let process = sandbox.exec(sh("echo started; exec sleep 78.25"), ExecOptions::default());
    let mut lines = process.lines().unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap(), "started");
    process.cancel();
    assert_eq!(process.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(lines.next().await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    gone(&sandbox, "78.25").await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_sends_a_signal_to_the_process_and_its_children() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let script = "trap 'echo caught; exit 9' TERM; echo started; while :; do sleep 0.05; done";
    let process = sandbox.exec(sh(script), ExecOptions::default());
    let bystander = sandbox.exec(["sleep", "81.25"], ExecOptions::default());
    let mut lines = process.lines().unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap(), "started");
    assert!(process.kill("SIGTERM").await.unwrap());
    assert_eq!(lines.next().await.unwrap().unwrap(), "caught");
    assert_eq!(process.wait().await.unwrap(), 9);
    assert!(!process.kill("TERM").await.unwrap(), "it has ended");
    assert!(runs(&sandbox, "81.25").await, "only the process itself is signalled");
    assert_eq!(crate::support::field(&bystander.kill("NO SIGNAL").await.unwrap_err()), "signal");
    assert!(bystander.kill("KILL").await.unwrap());
    gone(&sandbox, "81.25").await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_handle_kills_the_process_and_detaching_does_not() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let dropped = sandbox.exec(sh("echo started; exec sleep 79.25"), ExecOptions::default());
    let detached = sandbox.exec(sh("echo started; exec sleep 80.25"), ExecOptions::default());
    for process in [&dropped, &detached] {
        assert_eq!(process.lines().unwrap().next().await.unwrap().unwrap(), "started");
    }
    drop(dropped);
    detached.detach();
    gone(&sandbox, "79.25").await;
    assert!(runs(&sandbox, "80.25").await);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_and_not_read_holds_the_process() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let script = "head -c 60000000 /dev/zero; touch /tmp/printed";
    let process = sandbox.exec(sh(script), ExecOptions::default());
    let mut stdout = process.stdout().unwrap();
    assert!(!stdout.next().await.unwrap().unwrap().is_empty());
    tokio::time::sleep(Duration::from_millis(700)).await;
    let printed = || sandbox.exec(["test", "-e", "/tmp/printed"], ExecOptions::default());
    assert!(!printed().await.unwrap().ok());
    let mut len = 0;
    while let Some(data) = stdout.next().await {
        len += data.unwrap().len();
    }
    assert!(len > 59_000_000, "{len}");
    assert_eq!(process.await.unwrap().exit_code, 0);
    assert!(printed().await.unwrap().ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_beyond_its_limit_loses_its_middle_and_says_so() {
    let site = Site::open().await;
    let options = ExecOptions::default().max_buffer_bytes(1000);
    let result = site.sandbox().exec(sh("echo first; head -c 5000 /dev/zero; echo last"), options).await.unwrap();
    assert!(result.truncated);
    assert_eq!(result.stdout.len(), 1000);
    assert!(result.stdout.starts_with(b"first\n") && result.stdout.ends_with(b"last\n"));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_split_across_chunks_survives() {
    let site = Site::open().await;
    let script = r"printf 'gr\303'; sleep 0.2; printf '\274n\n'";
    let process = site.sandbox().exec(sh(script), ExecOptions::default());
    let lines: Vec<_> = process.lines().unwrap().map(Result::unwrap).collect().await;
    assert_eq!(lines, ["grün"]);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_survive() {
    let site = Site::open().await;
    let result = site.sandbox().exec(sh(r"printf 'bad \377\n'"), ExecOptions::default()).await.unwrap();
    assert_eq!(result.stdout, &b"bad \xff\n"[..]);
    assert_eq!(result.stdout_text(), "bad \u{fffd}\n");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_processes_run_at_the_same_time() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let processes = (0..20).map(|n| sandbox.exec(["echo".to_owned(), n.to_string()], ExecOptions::default()));
    let results = futures::future::join_all(processes.map(IntoFuture::into_future)).await;
    for (n, result) in results.into_iter().enumerate() {
        assert_eq!(result.unwrap().stdout_text(), format!("{n}\n"));
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_does_not_exist_exits_with_127() {
    let site = Site::open().await;
    let result = site.sandbox().exec(["no-such-command"], ExecOptions::default()).await.unwrap();
    assert_eq!(result.exit_code, 127);
    assert!(result.stderr_text().contains("no-such-command"));
    site.close().await;
}

/// Whether a process with this argument runs in the sandbox.
async fn runs(sandbox: &jetway::Sandbox, argument: &str) -> bool {
    let script = format!("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q 'sleep {argument}'");
    // The pattern must not find the shell that looks for it.
    let script = script.replacen("sleep ", "slee[p] ", 1);
    sandbox.exec(sh(&script), ExecOptions::default()).await.unwrap().ok()
}

async fn gone(sandbox: &jetway::Sandbox, argument: &str) {
    for _ in 0..50 {
        if !runs(sandbox, argument).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("sleep {argument} still runs");
}
