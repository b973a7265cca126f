//! Input: interactive, large, ended, refused.

use futures::StreamExt;
use jetway::{ErrorKind, ExecOptions};

use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_dialogue_asked_three_times_answered_three_times_then_the_end() {
    let site = Site::open().await;
    let script = "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)\nprint('end')";
    let mut process = site.sandbox().exec(["python3", "-c", script], ExecOptions::default().stdin(true));
    let mut stdin = process.stdin().unwrap();
    let mut lines = process.lines().unwrap();
    for answer in ["one", "two", "three"] {
        stdin.write_line(answer).await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), format!("got {answer}"));
    }
    stdin.close();
    assert_eq!(lines.next().await.unwrap().unwrap(), "end");
    assert_eq!(process.await.unwrap().exit_code, 0);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mebibytes_go_in_and_come_back() {
    let site = Site::open().await;
    let bytes: Vec<u8> = (0..2 << 20).map(|number: u32| (number % 251) as u8).collect();
    let mut process = site.sandbox().exec(["cat"], ExecOptions::default().stdin(true));
    let mut stdin = process.stdin().unwrap();
    let sent = bytes.clone();
    let writing = tokio::spawn(async move {
        stdin.write(sent).await.unwrap();
    });
    let result = process.await.unwrap();
    writing.await.unwrap();
    assert!(result.stdout == bytes, "{} bytes came back", result.stdout.len());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stdin_a_command_reads_its_end() {
    let site = Site::open().await;
    let mut process = site.sandbox().exec(["wc", "-c"], ExecOptions::default());
    assert!(process.stdin().is_none());
    assert_eq!(process.await.unwrap().stdout_text().trim(), "0");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn awaiting_a_process_whose_stdin_nobody_took_ends_its_input() {
    let site = Site::open().await;
    let process = site.sandbox().exec(["cat"], ExecOptions::default().stdin(true));
    assert_eq!(process.await.unwrap().exit_code, 0);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_to_a_process_that_has_ended_is_an_error() {
    let site = Site::open().await;
    let mut process = site.sandbox().exec(["true"], ExecOptions::default().stdin(true));
    let mut stdin = process.stdin().unwrap();
    assert_eq!(process.wait().await.unwrap(), 0);
    assert_eq!(stdin.write_line("late").await.unwrap_err().kind(), ErrorKind::SandboxNotRunning);
    site.close().await;
}
