//! Compares what a server has with what its predecessors acknowledged.

use std::{collections::HashSet, fmt::Write, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use jetway_server::wire::sandbox::{
    DeleteSandboxRequest, ExecRequest, GetFileSystemSnapshotRequest, GetSandboxRequest, ReadFileRequest, SnapshotState,
    State, StreamLogsRequest,
};
use tonic::Code;

use crate::{
    ledger::{Ledger, Page, content},
    load,
    server::{Client, Server},
};

/// What is missing, a line each.
pub async fn everything(server: &Server, ledger: &Arc<Ledger>) -> Vec<String> {
    let live = stream::iter(ledger.pages()).map(|(id, page)| {
        let client = server.client();
        async move { sandbox(client, &id, &page).await.map_err(|what| format!("{id}: {what}")).err() }
    });
    let gone = stream::iter(ledger.gone()).map(|id| {
        let client = server.client();
        async move { deleted(client, &id).await.map_err(|what| format!("{id}: {what}")).err() }
    });
    let mut wrong: Vec<String> = live.buffer_unordered(8).filter_map(|what| async { what }).collect().await;
    wrong.extend(gone.buffer_unordered(8).filter_map(|what| async { what }).collect::<Vec<_>>().await);
    wrong
}

async fn state(client: &mut Client, id: &str) -> Result<(State, String), tonic::Status> {
    let sandbox = client.get_sandbox(GetSandboxRequest { sandbox_id: id.to_owned() }).await?.into_inner();
    let status = sandbox.status.unwrap_or_default();
    Ok((status.state(), status.state_reason))
}

/// A deleted sandbox is gone, or on its way, for good.
async fn deleted(mut client: Client, id: &str) -> Result<(), String> {
    for _ in 0..600 {
        match state(&mut client, id).await {
            Ok((State::Terminated | State::Failed | State::Completed, _)) => return Ok(()),
            Err(status) if status.code() == Code::NotFound => return Ok(()),
            Ok((State::Terminating, _)) => tokio::time::sleep(Duration::from_millis(100)).await,
            other => return Err(format!("was deleted, and is {other:?}")),
        }
    }
    Err("was deleted, and does not end".to_owned())
}

async fn sandbox(mut client: Client, id: &str, page: &Page) -> Result<(), String> {
    // A start that was cut off is taken up again, and takes its time.
    for round in 0.. {
        match state(&mut client, id).await {
            Ok((State::Running, _)) => break,
            Ok((State::Creating, _)) if round < 600 => tokio::time::sleep(Duration::from_millis(100)).await,
            other => return Err(format!("does not run: {other:?}")),
        }
    }
    let execs = lines(&mut client, id, "cat /workspace/execs 2>/dev/null").await?;
    let execs: HashSet<&str> = execs.lines().collect();
    for number in &page.execs {
        if !execs.contains(number.to_string().as_str()) {
            return Err(format!("exec {number} left no line"));
        }
    }
    for (path, number) in &page.files {
        let request = ReadFileRequest { sandbox_id: id.to_owned(), path: path.clone(), ..Default::default() };
        let found = client.read_file(request).await.map_err(|status| format!("{path}: {status:?}"))?.into_inner();
        if found.content != content(*number) {
            return Err(format!("{path} has {} bytes of something else than {number}", found.content.len()));
        }
    }
    for (snapshot, file) in &page.snapshots {
        let request = GetFileSystemSnapshotRequest { file_system_snapshot_id: snapshot.clone() };
        let found = client.get_file_system_snapshot(request).await;
        let found = found.map_err(|status| format!("snapshot {snapshot}: {status:?}"))?.into_inner();
        if found.state() != SnapshotState::Ready {
            return Err(format!("snapshot {snapshot} is {:?}", found.state()));
        }
        if Some((snapshot, file)) == page.snapshots.last().map(|(snapshot, file)| (snapshot, file)) {
            restored(client.clone(), snapshot, file).await.map_err(|what| format!("snapshot {snapshot}: {what}"))?;
        }
    }
    log(client, id, &page.log).await
}

/// The last one is restored, too: it holds the file that was there before it was made.
async fn restored(mut client: Client, snapshot: &str, file: &str) -> Result<(), String> {
    let id = load::restore(client.clone(), snapshot).await?;
    let found = lines(&mut client, &id, &format!("cat /work/{file}")).await?;
    let request = DeleteSandboxRequest { sandbox_id: id, grace_period_seconds: 1, ..Default::default() };
    client.delete_sandbox(request).await.map_err(|status| format!("{status:?}"))?;
    if found.trim() == file { Ok(()) } else { Err(format!("restored as {found:?}")) }
}

/// The log begins with what a follower got, and has every line once and in order.
async fn log(mut client: Client, id: &str, known: &[u8]) -> Result<(), String> {
    let request = StreamLogsRequest { sandbox_id: id.to_owned(), ..Default::default() };
    let mut stream = client.stream_logs(request).await.map_err(|status| format!("log: {status:?}"))?.into_inner();
    let mut log = Vec::new();
    while let Some(entry) = stream.message().await.map_err(|status| format!("log: {status:?}"))? {
        log.extend_from_slice(&entry.data);
    }
    if !log.starts_with(known) {
        return Err(format!("the log of {} bytes does not begin with the {} that were read", log.len(), known.len()));
    }
    let text = String::from_utf8_lossy(&log).into_owned();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let mut expected = String::new();
    for number in 1..=whole.lines().count() {
        let _ = writeln!(expected, "line {number}");
    }
    if expected.trim_end() == whole { Ok(()) } else { Err("the log has lost or doubled a line".to_owned()) }
}

async fn lines(client: &mut Client, id: &str, script: &str) -> Result<String, String> {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let request = ExecRequest { sandbox_id: id.to_owned(), command, ..Default::default() };
    let answer = client.exec(request).await.map_err(|status| format!("{script}: {status:?}"))?.into_inner();
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}
