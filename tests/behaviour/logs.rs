//! What the main command printed.

use jetway::{
    ErrorKind, Sandbox, SandboxOptions,
    sandbox::{LogOptions, LogPosition},
};

use crate::support::Site;

fn printing(site: &Site, script: &str) -> Sandbox {
    Sandbox::run(&site.client, SandboxOptions::new().command(["/bin/sh", "-c", script]))
}

async fn read(sandbox: &Sandbox, options: LogOptions) -> (String, Option<LogPosition>) {
    let mut logs = sandbox.logs(options).await.unwrap();
    let (mut text, mut position) = (String::new(), None);
    while let Some(chunk) = logs.next().await {
        let chunk = chunk.unwrap();
        text.push_str(std::str::from_utf8(&chunk.data).unwrap());
        position = Some(chunk.position);
    }
    (text, position)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_log_ends_with_the_main_command_and_stays_readable() {
    let site = Site::open().await;
    let sandbox = printing(&site, "echo one; sleep 0.3; echo two >&2; echo three");
    let (text, position) = read(&sandbox, LogOptions::default().follow(true)).await;
    assert_eq!(text, "one\ntwo\nthree\n");
    assert_eq!(position.unwrap().offset, text.len() as u64);
    sandbox.wait_until_complete(None, true).await.unwrap();
    assert_eq!(read(&sandbox, LogOptions::default().tail_lines(2)).await.0, "two\nthree\n");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_where_an_earlier_stream_was_dropped() {
    let site = Site::open().await;
    let sandbox = printing(&site, "echo one; sleep 0.5; echo two");
    let mut logs = sandbox.logs(LogOptions::default().follow(true)).await.unwrap();
    let first = logs.next().await.unwrap().unwrap();
    assert_eq!(first.data, "one\n");
    drop(logs);
    let (rest, _) = read(&sandbox, LogOptions::default().follow(true).resume(first.position)).await;
    assert_eq!(rest, "two\n");
    let unknown = LogPosition { session_id: "none".into(), offset: 0 };
    let mut logs = sandbox.logs(LogOptions::default().resume(unknown)).await.unwrap();
    let error = logs.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Sandbox, Some("SESSION_NOT_FOUND")));
    assert!(logs.next().await.is_none());
    site.close().await;
}
