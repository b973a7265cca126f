//! What the main command printed.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use jetway::{
    ErrorKind, Sandbox, SandboxOptions,
    sandbox::{LogOptions, LogPosition},
};

use crate::{
    cuts::CuttingProxy,
    support::{Site, client},
};

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

#[tokio::test(flavor = "multi_thread")]
async fn tail_since_and_timestamps_say_what_to_begin_with() {
    let site = Site::open().await;
    let sandbox = printing(&site, "echo one; echo two; sleep 1.2; echo three");
    let mut logs = sandbox.logs(LogOptions::default().follow(true)).await.unwrap();
    let mut times: Vec<SystemTime> = Vec::new();
    while let Some(chunk) = logs.next().await {
        times.push(chunk.unwrap().timestamp.unwrap());
    }
    assert_eq!(read(&sandbox, LogOptions::default().tail_lines(2)).await.0, "two\nthree\n");
    let between = *times.last().unwrap() - Duration::from_millis(300);
    assert_eq!(read(&sandbox, LogOptions::default().since(between)).await.0, "three\n");
    let (stamped, _) = read(&sandbox, LogOptions::default().timestamps(true)).await;
    for (line, word) in stamped.lines().zip(["one", "two", "three"]) {
        assert!(line.starts_with("20") && line.ends_with(&format!("Z {word}")), "{line}");
    }
    site.close().await;
}

/// How often the connection is cut. `cargo xtask soak` cuts it a thousand times.
fn cuts() -> usize {
    std::env::var("JETWAY_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(60)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_log_is_whole_although_its_connection_is_cut_at_random_bytes() {
    let site = Site::open().await;
    let lines = cuts() * 1500;
    let script = format!(
        "import os\nline = b'%08d the quick brown fox jumps over the lazy dog\\n'\n\
         for i in range(0, {lines}, 20): os.write(1, b''.join(line % (i + k) for k in range(20)))"
    );
    let sandbox = Sandbox::run(&site.client, SandboxOptions::new().command(["python3", "-uc", &script]));
    sandbox.start().await.unwrap();
    let proxy = CuttingProxy::open(&site.url).await;
    let far = loop {
        // Attaching is a call of its own, and is cut like any other.
        match Sandbox::from_id(&client(&proxy.url), &sandbox.id().unwrap()).await {
            Ok(far) => break far,
            Err(error) => assert!(error.retryable(), "{error:?}"),
        }
    };
    let mut logs = far.logs(LogOptions::default().follow(true)).await.unwrap();
    let mut text = String::new();
    while let Some(chunk) = logs.next().await {
        text.push_str(std::str::from_utf8(&chunk.unwrap().data).unwrap());
    }
    let mut expected = String::new();
    for i in 0..lines {
        let _ = writeln!(expected, "{i:08} the quick brown fox jumps over the lazy dog");
    }
    assert!(text == expected, "{} bytes, of which {} are right", text.len(), common(&text, &expected));
    assert!(proxy.cuts() >= cuts(), "the connection was cut {} times only", proxy.cuts());
    let (whole, _) = read(&sandbox, LogOptions::default()).await;
    assert_eq!(whole.len(), text.len(), "the log that the server keeps is another");
    assert!(whole == text);
    eprintln!("{} bytes over {} cuts", text.len(), proxy.cuts());
    site.close().await;
}

fn common(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}
