//! The load: creations, deletions, execs, uploads, log follows, all at once. What is acknowledged goes into the ledger.

use std::sync::Arc;

use futures::future::join_all;
use jetway_server::wire::sandbox::{
    Container, CreateFileSystemSnapshotRequest, CreateSandboxRequest, DeleteSandboxRequest, ExecRequest, Sandbox,
    SandboxSpec, SandboxVolume, ScratchVolume, SnapshotState, StreamLogsRequest, VolumeMount, WriteFileRequest,
    sandbox_volume::Source,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    ledger::{Ledger, content},
    leftovers::MARK,
    server::{Client, Server},
};

/// Prints numbered lines for ever.
const MAIN: &str = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done";

/// Creates sandboxes until there are `count`, and waits until each runs.
pub async fn populate(server: &Server, ledger: &Arc<Ledger>, count: usize) -> Result<(), String> {
    let missing = count.saturating_sub(ledger.pages().len());
    let made = join_all((0..missing).map(|_| create(server.client(), ledger.clone()))).await;
    let ready = join_all(made.into_iter().map(|made| async {
        let id = made?;
        exec(&mut server.client(), &id, "true").await.map_err(|status| format!("{id}: {status:?}"))
    }));
    ready.await.into_iter().collect()
}

async fn create(client: Client, ledger: Arc<Ledger>) -> Result<String, String> {
    let request_id = format!("soak-{}", ledger.number());
    let id = ask(client, "", request_id).await?;
    ledger.created(&id);
    Ok(id)
}

/// A sandbox on a snapshot, which is nobody's to keep.
pub async fn restore(client: Client, snapshot: &str) -> Result<String, String> {
    ask(client, snapshot, String::new()).await
}

async fn ask(mut client: Client, restore: &str, request_id: String) -> Result<String, String> {
    let container = Container {
        command: "sh".into(),
        args: vec!["-c".into(), MAIN.into()],
        volume_mounts: vec![VolumeMount { volume: "work".into(), mount_path: "/work".into(), ..Default::default() }],
        environment_variables: [(MARK.to_owned(), std::process::id().to_string())].into(),
        ..Container::default()
    };
    let source =
        Some(Source::Scratch(ScratchVolume { restore_from_snapshot_id: restore.into(), ..Default::default() }));
    let volumes = vec![SandboxVolume { name: "work".into(), source }];
    let spec = SandboxSpec { containers: vec![container], volumes, ..SandboxSpec::default() };
    let request =
        CreateSandboxRequest { sandbox: Some(Sandbox { spec: Some(spec), ..Sandbox::default() }), request_id };
    let answer = client.create_sandbox(request).await.map_err(|status| format!("{status:?}"))?;
    Ok(answer.into_inner().sandbox_id)
}

/// Runs a script; its exit code and what it printed.
pub async fn exec(client: &mut Client, id: &str, script: &str) -> Result<(), tonic::Status> {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    client.exec(ExecRequest { sandbox_id: id.to_owned(), command, ..Default::default() }).await.map(drop)
}

/// A load under way.
pub struct Load {
    enough: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins on every sandbox that there is.
    pub fn begin(server: &Server, ledger: &Arc<Ledger>) -> Load {
        let enough = CancellationToken::new();
        let mut tasks = Vec::new();
        for (index, id) in ledger.pages().into_keys().enumerate() {
            let mut works: Vec<futures::future::BoxFuture<'static, ()>> = vec![
                Box::pin(execs(server.client(), ledger.clone(), id.clone())),
                Box::pin(uploads(server.client(), ledger.clone(), id.clone())),
                Box::pin(follow(server.client(), ledger.clone(), id.clone())),
            ];
            if index % 4 == 1 {
                works.push(Box::pin(snapshots(server.client(), ledger.clone(), id.clone())));
            }
            if index % 8 == 0 {
                works.push(Box::pin(replace(server.client(), ledger.clone(), id)));
            }
            for work in works {
                let enough = enough.clone();
                tasks.push(tokio::spawn(async move {
                    enough.run_until_cancelled(work).await;
                }));
            }
        }
        Load { enough, tasks }
    }

    /// The server is dead: nothing more is acknowledged, and what waits is given up.
    pub async fn end(self) {
        // Answers that had arrived before the kill are still counted.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        self.enough.cancel();
        join_all(self.tasks).await;
    }
}

async fn execs(mut client: Client, ledger: Arc<Ledger>, id: String) {
    loop {
        let number = ledger.number();
        match exec(&mut client, &id, &format!("echo {number} >> /workspace/execs")).await {
            Ok(()) => ledger.note(&id, |page| page.execs.push(number)),
            Err(_) => return ledger.interrupted(),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn uploads(mut client: Client, ledger: Arc<Ledger>, id: String) {
    loop {
        let number = ledger.number();
        // Some names are written again and again: then the new content counts once it was acknowledged.
        let path = format!("/workspace/files/{}", number % 50);
        ledger.note(&id, |page| page.files.retain(|known, _| *known != path));
        let content = content(number).into();
        let request = WriteFileRequest { sandbox_id: id.clone(), path: path.clone(), content, ..Default::default() };
        match client.write_file(request).await {
            Ok(_) => ledger.note(&id, |page| page.files.extend([(path, number)])),
            Err(_) => return ledger.interrupted(),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn snapshots(mut client: Client, ledger: Arc<Ledger>, id: String) {
    loop {
        let number = ledger.number();
        if exec(&mut client, &id, &format!("echo {number} > /work/{number}")).await.is_err() {
            return ledger.interrupted();
        }
        let request = CreateFileSystemSnapshotRequest { sandbox_id: id.clone(), ..Default::default() };
        match client.create_file_system_snapshot(request).await {
            Ok(made) if made.get_ref().state() == SnapshotState::Ready => {
                let snapshot = made.into_inner().file_system_snapshot_id;
                ledger.note(&id, |page| page.snapshots.push((snapshot, number.to_string())));
            }
            _ => return ledger.interrupted(),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

async fn follow(mut client: Client, ledger: Arc<Ledger>, id: String) {
    let request = StreamLogsRequest { sandbox_id: id.clone(), follow: true, ..Default::default() };
    let Ok(stream) = client.stream_logs(request).await else { return ledger.interrupted() };
    let (mut stream, mut log) = (stream.into_inner(), Vec::new());
    loop {
        match stream.message().await {
            Ok(Some(entry)) => log.extend_from_slice(&entry.data),
            Ok(None) => return,
            Err(_) => {
                ledger.interrupted();
                return;
            }
        }
        ledger.note(&id, |page| {
            if page.log.len() < log.len() {
                page.log.clone_from(&log);
            }
        });
    }
}

/// Deletes a sandbox at some moment, and has another one made.
async fn replace(mut client: Client, ledger: Arc<Ledger>, id: String) {
    tokio::time::sleep(std::time::Duration::from_millis(crate::random(10, 1200))).await;
    ledger.deleting(&id);
    let request = DeleteSandboxRequest { sandbox_id: id.clone(), grace_period_seconds: 1, ..Default::default() };
    match client.delete_sandbox(request).await {
        Ok(_) => ledger.deleted(&id),
        Err(_) => return ledger.interrupted(),
    }
    if create(client, ledger.clone()).await.is_err() {
        ledger.interrupted();
    }
}
