//! What outlives a server, and what does not.

use std::path::Path;

use jetway_server::{
    Server, ServerConfig,
    wire::sandbox::{DeleteSandboxRequest, State, StreamLogsRequest},
};

use crate::harness::{create, idle, script, server_in, sh, wait_for};

/// Every file below a directory, by its path in it.
fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// What `count` says once it says what is wanted, or after a long while.
async fn settled(count: impl Fn() -> usize, wanted: usize) -> usize {
    for _ in 0..3000 {
        if count() == wanted {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    count()
}

fn left_behind(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("sandboxes")).unwrap().count()
}

#[tokio::test]
async fn a_kept_sandbox_is_found_again_with_its_files_and_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |config| config.keep_sandboxes = true).await;
    let mut client = server.client();
    let mut request = script("echo logged; exec sleep 1000");
    request.request_id = "kept".into();
    let id = create(&mut client, request.clone()).await;
    sh(&mut client, &id, "echo kept > /tmp/file").await;
    let done = create(&mut client, script("echo one; echo two; exit 4")).await;
    wait_for(&mut client, &done, State::Completed).await;
    let token = server.token.clone();
    let mut log = client
        .stream_logs(StreamLogsRequest { sandbox_id: id.clone(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    let first = log.message().await.unwrap().unwrap();
    drop(log);
    drop(client);
    server.stop().await;

    let server = server_in(dir.path(), |_| {}).await;
    assert_eq!(server.token, token);
    let mut client = server.client();
    wait_for(&mut client, &id, State::Running).await;
    assert_eq!(&sh(&mut client, &id, "cat /tmp/file").await.stdout[..], b"kept\n");
    assert_eq!(create(&mut client, request).await, id, "a replayed request must still find its sandbox");
    let resume = StreamLogsRequest {
        sandbox_id: id.clone(),
        resume_log_session_id: first.log_session_id,
        resume_log_offset: 3,
        ..Default::default()
    };
    let entry = client.stream_logs(resume).await.unwrap().into_inner().message().await.unwrap().unwrap();
    assert_eq!((&entry.data[..], entry.next_log_offset), (&b"ged\n"[..], 7));
    let done = wait_for(&mut client, &done, State::Completed).await;
    assert_eq!(done.status.unwrap().exit_code, Some(4));
    let ended = StreamLogsRequest { sandbox_id: done.sandbox_id.clone(), ..Default::default() };
    let entry = client.stream_logs(ended.clone()).await.unwrap().into_inner().message().await.unwrap().unwrap();
    assert_eq!(&entry.data[..], b"one\ntwo\n", "the log of a sandbox that is over is still there");
    let resume =
        StreamLogsRequest { resume_log_session_id: entry.log_session_id, resume_log_offset: 5, ..ended.clone() };
    let entry = client.stream_logs(resume).await.unwrap().into_inner().message().await.unwrap().unwrap();
    assert_eq!((&entry.data[..], entry.next_log_offset), (&b"wo\n"[..], 8));
    let kept: Vec<_> = walk(&dir.path().join("sandboxes").join(&done.sandbox_id));
    assert_eq!(kept, ["0/exit", "0/log", "0/log.index", "state.json"], "and nothing else of it");
    let delete = DeleteSandboxRequest { sandbox_id: done.sandbox_id, ..Default::default() };
    client.delete_sandbox(delete).await.unwrap();
    assert_eq!(settled(|| left_behind(dir.path()), 1).await, 1, "its log goes when it is deleted");
    drop(client);
    server.stop().await;
    assert_eq!(left_behind(dir.path()), 0);
}

#[tokio::test]
async fn stopping_a_server_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |_| {}).await;
    let mut client = server.client();
    for request in [idle(), script("exit 0"), script("sleep 1000")] {
        let id = create(&mut client, request).await;
        // The second one may be over already; it must be cleared away all the same.
        let _ = id;
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    drop(client);
    server.stop().await;
    assert_eq!(left_behind(dir.path()), 0);
}

#[tokio::test]
async fn a_data_directory_serves_one_server_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |_| {}).await;
    let error = Server::bind(ServerConfig::new(dir.path())).await.err().expect("refused").to_string();
    assert!(error.contains("in use") && error.contains("--data-dir"), "{error}");
    server.stop().await;
}
