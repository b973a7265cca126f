//! `--storage`: how long a snapshot of a workspace and its restoration take, and what the server keeps in memory while a
//! gigabyte passes through it. It prints figures and judges errors only: a busy machine is not a fault.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use jetway_server::wire::sandbox::{
    Container, CreateFileSystemSnapshotRequest, CreateSandboxRequest, DeleteSandboxRequest, ExecRequest,
    ExecStreamClose, ExecStreamInit, ExecStreamRequest, Sandbox, SandboxSpec, SandboxVolume, ScratchVolume,
    SnapshotState, VolumeMount, exec_stream_request::Message as Ask, exec_stream_response::Message as Say,
    sandbox_volume::Source,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    scale::part,
    server::{Client, Server},
};

/// Files of the workspace, and bytes of each: 100 MB that do not compress.
const FILES: u32 = 2000;
const EACH: u32 = 50_000;
const ROUNDS: usize = 7;
/// What passes through, and how much at a time.
const STREAM: u64 = 1 << 30;
const CHUNK: usize = 64 << 10;

async fn create(mut client: Client, restore: &str) -> Result<String, String> {
    let mounts = vec![VolumeMount { volume: "work".into(), mount_path: "/work".into(), ..Default::default() }];
    let scratch = ScratchVolume { restore_from_snapshot_id: restore.into(), ..Default::default() };
    let spec = SandboxSpec {
        containers: vec![Container { volume_mounts: mounts, ..Container::default() }],
        volumes: vec![SandboxVolume { name: "work".into(), source: Some(Source::Scratch(scratch)) }],
        ..SandboxSpec::default()
    };
    let sandbox = Some(Sandbox { spec: Some(spec), ..Sandbox::default() });
    let request = CreateSandboxRequest { sandbox, ..CreateSandboxRequest::default() };
    Ok(client.create_sandbox(request).await.map_err(|status| format!("{status:?}"))?.into_inner().sandbox_id)
}

async fn sh(mut client: Client, id: &str, script: &str) -> Result<String, String> {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let request = ExecRequest { sandbox_id: id.to_owned(), command, ..ExecRequest::default() };
    let answer = client.exec(request).await.map_err(|status| format!("{status:?}"))?.into_inner();
    match answer.exit_code {
        0 => Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned()),
        code => Err(format!("{script}: code {code}, {}", String::from_utf8_lossy(&answer.stderr))),
    }
}

/// From the order to the answer that says that it is whole; its id.
async fn snapshot(mut client: Client, id: &str) -> Result<(Duration, String), String> {
    let begun = Instant::now();
    let request = CreateFileSystemSnapshotRequest { sandbox_id: id.to_owned(), ..Default::default() };
    let made = client.create_file_system_snapshot(request).await.map_err(|status| format!("{status:?}"))?.into_inner();
    match made.state() {
        SnapshotState::Ready => Ok((begun.elapsed(), made.file_system_snapshot_id)),
        _ => Err(format!("{made:?}")),
    }
}

/// From the order to the first output of a sandbox that holds what was saved.
async fn restore(client: Client, snapshot: &str, expected: &str) -> Result<Duration, String> {
    let begun = Instant::now();
    let id = create(client.clone(), snapshot).await?;
    sh(client.clone(), &id, "echo hi").await?;
    let took = begun.elapsed();
    let found = sh(client.clone(), &id, SUM).await?;
    let request = DeleteSandboxRequest { sandbox_id: id, grace_period_seconds: 1, ..Default::default() };
    client.clone().delete_sandbox(request).await.map_err(|status| format!("{status:?}"))?;
    if found == expected { Ok(took) } else { Err(format!("restored as {found}, not {expected}")) }
}

const SUM: &str = "cd /work && find . -type f | sort | xargs cat | sha256sum";

/// Runs a command that reads `up` bytes or writes any number; how many it wrote.
async fn stream(mut client: Client, id: &str, script: &str, up: u64) -> Result<u64, String> {
    let (asks, queue) = mpsc::channel(4);
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let init = ExecStreamInit { sandbox_id: id.to_owned(), command, ..Default::default() };
    let ask = |message| ExecStreamRequest { message: Some(message) };
    let sender = tokio::spawn(async move {
        let chunk = Bytes::from(vec![7; CHUNK]);
        let mut sent = asks.send(ask(Ask::Init(init))).await.is_ok();
        for _ in 0..up / CHUNK as u64 {
            sent = sent && asks.send(ask(Ask::Stdin(chunk.clone()))).await.is_ok();
        }
        sent && asks.send(ask(Ask::Close(ExecStreamClose {}))).await.is_ok()
    });
    let answer = client.stream_exec(ReceiverStream::new(queue)).await.map_err(|status| format!("{status:?}"))?;
    let (mut says, mut bytes) = (answer.into_inner(), 0);
    while let Some(said) = says.message().await.map_err(|status| format!("{status:?}"))? {
        match said.message {
            Some(Say::Output(output)) => bytes += output.data.len() as u64,
            Some(Say::Exit(exit)) if exit.exit_code != 0 => return Err(format!("{script}: {exit:?}")),
            Some(Say::Error(error)) => return Err(format!("{script}: {error:?}")),
            _ => {}
        }
    }
    match sender.await {
        Ok(true) => Ok(bytes),
        _ => Err("the input was not taken whole".to_owned()),
    }
}

/// Resident memory, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The most that the server had while `work` went on, beyond what it had before; and how long it took.
async fn watched<T>(pid: u32, work: impl Future<Output = Result<T, String>>) -> Result<(T, u64, Duration), String> {
    let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let before = resident(pid);
    let watcher = {
        let (over, most) = (over.clone(), most.clone());
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(resident(pid), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        })
    };
    let begun = Instant::now();
    let done = work.await;
    let took = begun.elapsed();
    over.store(true, Ordering::Relaxed);
    let _ = watcher.join();
    Ok((done?, most.load(Ordering::Relaxed).saturating_sub(before), took))
}

/// Measures; the figures, or the first error.
pub async fn measure(server: &Server) -> Result<String, String> {
    let id = create(server.client(), "").await?;
    let fill = format!("cd /work && head -c $(({FILES} * {EACH})) /dev/urandom | split -a 4 -d -b {EACH} - file");
    sh(server.client(), &id, &fill).await?;
    let expected = sh(server.client(), &id, SUM).await?;
    let (mut saves, mut restores) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, snapshot) = snapshot(server.client(), &id).await?;
        saves.push(took);
        restores.push(restore(server.client(), &snapshot, &expected).await?);
    }
    // Once before, so that what it keeps for good is there already.
    stream(server.client(), &id, "cat > /dev/null", 64 << 20).await?;
    let up = watched(server.pid(), stream(server.client(), &id, "wc -c", STREAM)).await?;
    let script = format!("head -c {STREAM} /dev/zero");
    let down = watched(server.pid(), stream(server.client(), &id, &script, 0)).await?;
    if down.0 != STREAM {
        return Err(format!("{} bytes came down, not {STREAM}", down.0));
    }
    let rate = |took: Duration| (STREAM >> 20) as f64 / took.as_secs_f64();
    Ok(format!(
        "a workspace of {FILES} files, {} MB: snapshot p50 {:?}, restored and running p50 {:?}\n  1 GiB through \
         StreamExec: up {:.0} MiB/s, the server's memory at most {} KiB above before; down {:.0} MiB/s, {} KiB",
        u64::from(FILES) * u64::from(EACH) / 1_000_000,
        part(&mut saves, 50),
        part(&mut restores, 50),
        rate(up.2),
        up.1,
        rate(down.2),
        down.1,
    ))
}
