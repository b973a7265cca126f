//! Scratch volumes, their snapshots, and registered volumes, as clients see them.

use jetway_server::wire::sandbox::{
    Container, CreateFileSystemSnapshotRequest, CreateSandboxRequest, CreateVolumeRequest,
    DeleteFileSystemSnapshotRequest, DeleteSandboxRequest, DeleteVolumeRequest, FileSystemSnapshot,
    FileSystemSnapshotBucketMode, GetFileSystemSnapshotBucketConfigRequest, GetFileSystemSnapshotRequest,
    ListFileSystemSnapshotsRequest, ListSandboxesRequest, PvcVolumeSource, SandboxVolume, ScratchVolume, SnapshotState,
    SnapshotTrigger, State, Volume, VolumeMount, VolumeSpec, VolumeState, sandbox_volume::Source,
    settings_service_client::SettingsServiceClient, volume_service_client::VolumeServiceClient, volume_spec,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{Client, create, idle, server, server_in, server_with, sh, wait_for};

fn scratch(size: &str, restore: &str) -> Source {
    Source::Scratch(ScratchVolume { size: size.into(), restore_from_snapshot_id: restore.into(), ..Default::default() })
}

fn with(sources: Vec<(&str, Source)>) -> CreateSandboxRequest {
    let mut request = idle();
    let spec = request.sandbox.as_mut().unwrap().spec.as_mut().unwrap();
    let mount =
        |name: &&str| VolumeMount { volume: (*name).into(), mount_path: format!("/{name}"), ..Default::default() };
    let volume_mounts = sources.iter().map(|(name, _)| mount(name)).collect();
    spec.containers = vec![Container { volume_mounts, ..Default::default() }];
    spec.volumes =
        sources.into_iter().map(|(name, source)| SandboxVolume { name: name.into(), source: Some(source) }).collect();
    request
}

async fn snapshot(client: &mut Client, sandbox_id: &str, request_id: &str) -> Result<FileSystemSnapshot, Status> {
    let (sandbox_id, request_id) = (sandbox_id.into(), request_id.into());
    let request = CreateFileSystemSnapshotRequest { sandbox_id, request_id, ..Default::default() };
    Ok(client.create_file_system_snapshot(request).await?.into_inner())
}

async fn text(client: &mut Client, sandbox_id: &str, script: &str) -> String {
    String::from_utf8(sh(client, sandbox_id, script).await.stdout.to_vec()).unwrap()
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_snapshot_is_restored_listed_and_deleted() {
    let server = server().await;
    let mut client = server.client();
    let source = create(&mut client, with(vec![("work", scratch("64Mi", ""))])).await;
    sh(&mut client, &source, "echo first > /work/file").await;
    let made = snapshot(&mut client, &source, "once").await.unwrap();
    assert_eq!((made.state(), made.trigger()), (SnapshotState::Ready, SnapshotTrigger::Manual));
    assert_eq!((made.source_sandbox_id.as_str(), made.source_volume_name.as_str()), (source.as_str(), "work"));
    assert_eq!(made.size_bytes, 6);
    sh(&mut client, &source, "echo second > /work/file").await;
    let again = snapshot(&mut client, &source, "once").await.unwrap();
    assert_eq!(again.file_system_snapshot_id, made.file_system_snapshot_id, "a replay makes none");
    let id = made.file_system_snapshot_id;

    let restored = create(&mut client, with(vec![("work", scratch("64Mi", &id)), ("other", scratch("", ""))])).await;
    assert_eq!(text(&mut client, &restored, "cat /work/file; ls /other").await, "first\n");
    let other = snapshot(&mut client, &restored, "").await.unwrap_err();
    assert_eq!(other.code(), Code::InvalidArgument, "there are two to choose from: {other:?}");
    assert!(other.message().contains("work, other"), "{other:?}");
    let conflict = CreateFileSystemSnapshotRequest {
        sandbox_id: restored,
        request_id: "once".into(),
        scratch_volume_name: "work".into(),
    };
    let conflict = client.create_file_system_snapshot(conflict).await.unwrap_err();
    assert_eq!(reason(&conflict), "CWSANDBOX_REQUEST_ID_CONFLICT");

    let list = ListFileSystemSnapshotsRequest { source_sandbox_id: source, ..Default::default() };
    let listed = client.list_file_system_snapshots(list).await.unwrap().into_inner().file_system_snapshots;
    assert_eq!(listed.len(), 1);
    for allow_missing in [false, true] {
        let request = DeleteFileSystemSnapshotRequest { file_system_snapshot_id: id.clone(), allow_missing };
        client.delete_file_system_snapshot(request).await.unwrap();
    }
    let get = GetFileSystemSnapshotRequest { file_system_snapshot_id: id.clone() };
    assert_eq!(reason(&client.get_file_system_snapshot(get).await.unwrap_err()), "CWSANDBOX_FSS_NOT_FOUND");
    let late = client.create_sandbox(with(vec![("work", scratch("", &id))])).await.unwrap_err();
    assert_eq!(reason(&late), "CWSANDBOX_FSS_NOT_FOUND");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn deleting_a_sandbox_saves_the_volumes_that_it_is_told_to() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, with(vec![("a", scratch("", "")), ("b", scratch("1Mi", ""))])).await;
    sh(&mut client, &id, "echo a > /a/file; echo b > /b/file").await;
    let delete = |volumes: &[&str]| DeleteSandboxRequest {
        sandbox_id: id.clone(),
        snapshot_volumes: volumes.iter().map(|name| (*name).to_owned()).collect(),
        request_id: "stop".into(),
        grace_period_seconds: 1,
        ..Default::default()
    };
    let unknown = client.delete_sandbox(delete(&["a", "c"])).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    wait_for(&mut client, &id, State::Running).await;
    let both = DeleteSandboxRequest { allow_missing: true, ..delete(&["a"]) };
    assert_eq!(reason(&client.delete_sandbox(both).await.unwrap_err()), "CWSANDBOX_INVALID_REQUEST");

    let answer = client.delete_sandbox(delete(&["a", "b"])).await.unwrap().into_inner();
    assert_eq!(answer.file_system_snapshot_ids.len(), 2);
    wait_for(&mut client, &id, State::Terminated).await;
    let replay = client.delete_sandbox(delete(&["a", "b"])).await.unwrap().into_inner();
    assert_eq!(replay.file_system_snapshot_ids, answer.file_system_snapshot_ids);
    let [a, b] = answer.file_system_snapshot_ids.as_slice() else { panic!("two ids") };
    let restored = create(&mut client, with(vec![("a", scratch("", a)), ("b", scratch("1Mi", b))])).await;
    assert_eq!(text(&mut client, &restored, "cat /a/file /b/file").await, "a\nb\n");
    let get = GetFileSystemSnapshotRequest { file_system_snapshot_id: a.clone() };
    assert_eq!(client.get_file_system_snapshot(get).await.unwrap().into_inner().trigger(), SnapshotTrigger::OnDelete);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn snapshots_and_registered_volumes_survive_a_restart_and_half_a_snapshot_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |_| {}).await;
    let mut client = server.client();
    let source = create(&mut client, with(vec![("work", scratch("", ""))])).await;
    sh(&mut client, &source, "echo kept > /work/file").await;
    let id = snapshot(&mut client, &source, "").await.unwrap().file_system_snapshot_id;
    drop(client);
    server.stop().await;
    let snapshots = dir.path().join("snapshots");
    std::fs::write(snapshots.join("fss-half.part"), "half").unwrap();
    std::fs::write(snapshots.join("fss-nobody"), "whole, and nobody was told").unwrap();

    let server = server_in(dir.path(), |_| {}).await;
    let mut client = server.client();
    let left: Vec<_> = std::fs::read_dir(&snapshots).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [id.as_str()]);
    let restored = create(&mut client, with(vec![("work", scratch("", &id))])).await;
    assert_eq!(text(&mut client, &restored, "cat /work/file").await, "kept\n");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_registered_volume_is_shared_and_refused_what_it_cannot_be() {
    let server = server().await;
    let mut client = server.client();
    let mut volumes = VolumeServiceClient::new(server.connection());
    let claim = PvcVolumeSource { claim_name: "data".into(), sub_path: "part".into(), ..Default::default() };
    let spec = |claim: &PvcVolumeSource, read_only| {
        let source = Some(volume_spec::Source::Pvc(claim.clone()));
        Volume { spec: Some(VolumeSpec { source, read_only, ..Default::default() }), ..Default::default() }
    };
    let request = |volume: Volume| CreateVolumeRequest { volume: Some(volume), request_id: String::new() };
    let writable = volumes.create_volume(request(spec(&claim, false))).await.unwrap().into_inner();
    assert_eq!(writable.status.as_ref().unwrap().state(), VolumeState::Ready);
    let readable = volumes.create_volume(request(spec(&claim, true))).await.unwrap().into_inner();
    let elsewhere = PvcVolumeSource { runner_id: "another".into(), ..claim.clone() };
    let climbing = PvcVolumeSource { sub_path: "a/../..".into(), ..claim.clone() };
    let hidden = PvcVolumeSource { claim_name: "../x".into(), ..claim };
    for (claim, code) in
        [(elsewhere, Code::FailedPrecondition), (climbing, Code::InvalidArgument), (hidden, Code::InvalidArgument)]
    {
        let status = volumes.create_volume(request(spec(&claim, false))).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
    let by_id = |volume: &Volume| Source::VolumeId(volume.volume_id.clone());
    let writer = create(&mut client, with(vec![("v", by_id(&writable))])).await;
    sh(&mut client, &writer, "echo shared > /v/file").await;
    let reader = create(&mut client, with(vec![("v", by_id(&readable))])).await;
    let script = "cat /v/file; echo no 2>/dev/null > /v/file || echo refused";
    assert_eq!(text(&mut client, &reader, script).await, "shared\nrefused\n");
    let list = ListSandboxesRequest { volume_ids: vec![readable.volume_id.clone()], ..Default::default() };
    let listed = client.list_sandboxes(list).await.unwrap().into_inner().sandboxes;
    assert_eq!(listed.iter().map(|sandbox| sandbox.sandbox_id.as_str()).collect::<Vec<_>>(), [reader.as_str()]);
    assert_eq!(listed[0].status.as_ref().unwrap().attached_volume_ids, std::slice::from_ref(&readable.volume_id));
    let refused = snapshot(&mut client, &writer, "").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");

    let mut delete = DeleteVolumeRequest { volume_id: writable.volume_id.clone(), ..Default::default() };
    let used = volumes.delete_volume(delete.clone()).await.unwrap_err();
    assert_eq!(reason(&used), "CWSANDBOX_VOLUME_IN_USE");
    delete.force = true;
    volumes.delete_volume(delete.clone()).await.unwrap();
    assert_eq!(reason(&volumes.delete_volume(delete.clone()).await.unwrap_err()), "CWSANDBOX_VOLUME_NOT_FOUND");
    delete.allow_missing = true;
    volumes.delete_volume(delete).await.unwrap();
    drop((client, volumes));
    server.stop().await;
}

#[tokio::test]
async fn every_fault_of_a_volume_is_named() {
    let server = server().await;
    let mut client = server.client();
    let faulty = |change: &dyn Fn(&mut SandboxVolume, &mut VolumeMount)| {
        let mut request = with(vec![("v", scratch("", ""))]);
        let spec = request.sandbox.as_mut().unwrap().spec.as_mut().unwrap();
        change(&mut spec.volumes[0], &mut spec.containers[0].volume_mounts[0]);
        request
    };
    let disk = ScratchVolume { size: "1Gi".into(), medium: 1, ..Default::default() };
    let cases: Vec<(CreateSandboxRequest, &str, &str)> = vec![
        (faulty(&|volume, _| volume.name = "a/b".into()), "volumes[0].name", "CWSANDBOX_INVALID_REQUEST"),
        (faulty(&|_, mount| mount.mount_path = "/a/../etc".into()), "mount_path", "CWSANDBOX_INVALID_REQUEST"),
        (faulty(&|_, mount| mount.mount_path = "/proc/x".into()), "mount_path", "CWSANDBOX_INVALID_REQUEST"),
        (faulty(&|_, mount| mount.sub_path = "../x".into()), "sub_path", "CWSANDBOX_INVALID_REQUEST"),
        (faulty(&|_, mount| mount.volume = "w".into()), "no container mounts it", "CWSANDBOX_INVALID_REQUEST"),
        (faulty(&|volume, _| volume.source = Some(scratch("big", ""))), "scratch.size", "CWSANDBOX_INVALID_REQUEST"),
        (
            faulty(&|volume, _| volume.source = Some(Source::VolumeId("vol-no".into()))),
            "vol-no",
            "CWSANDBOX_VOLUME_NOT_FOUND",
        ),
        (
            faulty(&|volume, _| volume.source = Some(Source::Scratch(disk.clone()))),
            "--allow-unenforced-limits",
            "CWSANDBOX_LIMIT_NOT_ENFORCEABLE",
        ),
    ];
    for (request, part, because) in cases {
        let status = client.create_sandbox(request).await.unwrap_err();
        assert!(status.message().contains(part), "{part}: {status:?}");
        assert_eq!(reason(&status), because, "{status:?}");
    }
    let mut settings = SettingsServiceClient::new(server.connection());
    let get = GetFileSystemSnapshotBucketConfigRequest::default();
    let bucket = settings.get_file_system_snapshot_bucket_config(get).await.unwrap().into_inner();
    assert_eq!(bucket.mode(), FileSystemSnapshotBucketMode::CwManaged);
    drop((client, settings));
    server.stop().await;
}

#[tokio::test]
async fn what_a_sandbox_changes_is_held_to_a_size() {
    let server = server_with(|config| config.root_size = Some(16 << 20)).await;
    let mut client = server.client();
    let id = create(&mut client, with(vec![("work", scratch("", ""))])).await;
    // Wherever it may write; what is on the host's own layers stays readable.
    for place in ["/", "/tmp", "/workspace", "/usr", "/work"] {
        let flood = format!(
            "head -c 40000000 /dev/zero > {place}/flood; ls -s --block-size=1M {place}/flood; rm {place}/flood"
        );
        let output = sh(&mut client, &id, &flood).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("No space left on device"), "{place}: {said}");
        let size: u32 = String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().parse().unwrap();
        assert!(size <= 17, "{place}: {size} MiB");
    }
    // Names are bounded, too.
    let many = text(
        &mut client,
        &id,
        "mkdir /tmp/m; cd /tmp/m; seq 10000 | xargs touch 2>/dev/null; ls | wc -l; rm -r /tmp/m",
    )
    .await;
    assert!((1000..10000).contains(&many.trim().parse::<u32>().unwrap()), "{many}");
    assert_eq!(text(&mut client, &id, "echo fine > /tmp/after && cat /tmp/after").await, "fine\n");
    server.stop().await;
}
