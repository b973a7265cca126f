//! StreamLogs: the main command's output.

use std::time::Duration;

use jetway_server::wire::sandbox::{LogEntry, State, StreamLogsRequest};

use crate::harness::{Client, create, script, server, sh, wait_for};

async fn read(client: &mut Client, request: StreamLogsRequest) -> (String, Vec<LogEntry>) {
    let mut stream = client.stream_logs(request).await.unwrap().into_inner();
    let (mut text, mut entries, mut offset) = (String::new(), Vec::<LogEntry>::new(), None);
    while let Some(entry) = stream.message().await.unwrap() {
        if entry.error.is_none() {
            text.push_str(std::str::from_utf8(&entry.data).unwrap());
            let begun = offset.unwrap_or(entry.next_log_offset - entry.data.len() as u64);
            assert_eq!(entry.next_log_offset, begun + entry.data.len() as u64);
            assert!(!entry.log_session_id.is_empty() && entry.timestamp.is_some());
            offset = Some(entry.next_log_offset);
        }
        entries.push(entry);
    }
    (text, entries)
}

fn of(id: &str) -> StreamLogsRequest {
    StreamLogsRequest { sandbox_id: id.into(), ..Default::default() }
}

#[tokio::test]
async fn a_log_is_the_main_commands_output_and_nothing_else() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, script("echo one; echo two >&2; echo three; exec sleep 100")).await;
    wait_for(&mut client, &id, State::Running).await;
    sh(&mut client, &id, "echo from exec").await;
    assert_eq!(read(&mut client, of(&id)).await.0, "one\ntwo\nthree\n");
    assert_eq!(read(&mut client, StreamLogsRequest { tail_lines: 2, ..of(&id) }).await.0, "two\nthree\n");
    let (stamped, _) = read(&mut client, StreamLogsRequest { timestamps: true, ..of(&id) }).await;
    for (line, word) in stamped.lines().zip(["one", "two", "three"]) {
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!((time.len(), time.ends_with('Z'), rest), (30, true, word), "{line}");
    }
    assert_eq!(stamped.lines().count(), 3);
    server.stop().await;
}

#[tokio::test]
async fn a_followed_log_comes_live_and_ends_with_the_main_command() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, script("for i in 1 2 3 4; do echo $i; sleep 0.15; done")).await;
    let mut stream = client.stream_logs(StreamLogsRequest { follow: true, ..of(&id) }).await.unwrap().into_inner();
    let mut text = String::new();
    let begun = std::time::Instant::now();
    let mut arrivals = Vec::new();
    while let Some(entry) = tokio::time::timeout(Duration::from_secs(5), stream.message()).await.unwrap().unwrap() {
        text.push_str(std::str::from_utf8(&entry.data).unwrap());
        arrivals.push(begun.elapsed());
    }
    assert_eq!(text, "1\n2\n3\n4\n");
    assert!(
        arrivals.len() >= 3 && arrivals[arrivals.len() - 1] - arrivals[0] > Duration::from_millis(250),
        "{arrivals:?}"
    );
    // It reads the same once all is over.
    wait_for(&mut client, &id, State::Completed).await;
    assert_eq!(read(&mut client, of(&id)).await.0, text);
    server.stop().await;
}

#[tokio::test]
async fn a_session_resumes_at_any_byte() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, script("seq 1 200; exec sleep 100")).await;
    wait_for(&mut client, &id, State::Running).await;
    for timestamps in [false, true] {
        let (whole, entries) = read(&mut client, StreamLogsRequest { timestamps, tail_lines: 150, ..of(&id) }).await;
        let session = entries[0].log_session_id.clone();
        for offset in [0, 1, 77, whole.len()] {
            let request = StreamLogsRequest {
                resume_log_session_id: session.clone(),
                resume_log_offset: offset as u64,
                ..of(&id)
            };
            assert_eq!(read(&mut client, request).await.0, whole[offset..], "from {offset}");
        }
        let beyond = StreamLogsRequest { resume_log_session_id: session, resume_log_offset: 1 << 40, ..of(&id) };
        let (_, entries) = read(&mut client, beyond).await;
        assert_eq!(entries[0].error.as_ref().unwrap().code, "INVALID_RESUME_OFFSET");
    }
    let unknown = StreamLogsRequest { resume_log_session_id: "unknown".into(), ..of(&id) };
    let (_, entries) = read(&mut client, unknown).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].error.as_ref().unwrap().code, "SESSION_NOT_FOUND");
    server.stop().await;
}

#[tokio::test]
async fn a_log_can_begin_at_a_moment() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, script("echo early; sleep 0.5; echo late; exec sleep 100")).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let (_, entries) = read(&mut client, of(&id)).await;
    let mut since = entries[0].timestamp.unwrap();
    since.nanos += 100_000_000;
    if since.nanos >= 1_000_000_000 {
        (since.seconds, since.nanos) = (since.seconds + 1, since.nanos - 1_000_000_000);
    }
    assert_eq!(read(&mut client, StreamLogsRequest { since_time: Some(since), ..of(&id) }).await.0, "late\n");
    server.stop().await;
}
