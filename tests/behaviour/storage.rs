//! Volumes, snapshots and forks.

use jetway::{
    ErrorKind, ExecOptions, Sandbox, SandboxOptions,
    catalog::{Volume, VolumeChanges, VolumeSpec, VolumeStatus},
    sandbox::{Snapshot, SnapshotOptions, SnapshotStatus, SnapshotTrigger, StopOptions, VolumeOptions},
};

use crate::support::{Site, field};

async fn sh(sandbox: &Sandbox, script: &str) -> String {
    sandbox.exec(["sh", "-c", script], ExecOptions::default()).await.unwrap().stdout_text().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_taken_restored_listed_and_deleted() {
    let site = Site::open().await;
    let options = SandboxOptions::new().volume(VolumeOptions::scratch("/work").size("64Mi"));
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    sh(&sandbox, "echo first > /work/file").await;
    let snapshot = sandbox.snapshot(SnapshotOptions::default()).await.unwrap();
    assert_eq!((snapshot.status, snapshot.trigger), (SnapshotStatus::Ready, SnapshotTrigger::Manual));
    assert_eq!((snapshot.source_volume.as_str(), snapshot.size_bytes), ("workspace", 6));
    sh(&sandbox, "echo second > /work/file").await;
    let restore = VolumeOptions::scratch("/elsewhere").snapshot(&snapshot.id);
    let restored = Sandbox::create(&site.client, SandboxOptions::new().volume(restore)).await.unwrap();
    assert_eq!(sh(&restored, "cat /elsewhere/file").await, "first\n");
    let listed = Snapshot::list(&site.client, sandbox.id().as_deref()).await.unwrap();
    assert_eq!(listed, [Snapshot::get(&site.client, &snapshot.id).await.unwrap()]);
    Snapshot::delete(&site.client, &snapshot.id, false).await.unwrap();
    Snapshot::delete(&site.client, &snapshot.id, true).await.unwrap();
    let gone = Snapshot::get(&site.client, &snapshot.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::SnapshotNotFound);
    let plain = Sandbox::create(&site.client, SandboxOptions::new()).await.unwrap();
    let none = plain.snapshot(SnapshotOptions::default()).await.unwrap_err();
    assert!(none.to_string().contains("no scratch volume"), "{none}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_saves_what_it_is_told_to() {
    let site = Site::open().await;
    let volumes = || {
        let options = SandboxOptions::new().volume(VolumeOptions::scratch("/a").name("a"));
        options.volume(VolumeOptions::scratch("/b").name("b"))
    };
    let sandbox = Sandbox::create(&site.client, volumes()).await.unwrap();
    sh(&sandbox, "echo kept > /a/file; echo kept > /b/file").await;
    let both = StopOptions::default().snapshot_on_stop(true).missing_ok(true);
    assert_eq!(sandbox.stop(both).await.unwrap_err().kind(), ErrorKind::SnapshotOnStopConflict);
    sandbox.stop(StopOptions::default().snapshot_on_stop(true)).await.unwrap();
    let ids = sandbox.snapshot_ids();
    assert_eq!(ids.len(), 2);
    let restore = VolumeOptions::scratch("/a").snapshot(&ids[0]);
    let restored = Sandbox::create(&site.client, SandboxOptions::new().volume(restore)).await.unwrap();
    assert_eq!(sh(&restored, "cat /a/file").await, "kept\n");
    let second = Sandbox::create(&site.client, volumes()).await.unwrap();
    second.stop(StopOptions::default().snapshot_volume("b")).await.unwrap();
    assert_eq!(second.snapshot_ids().len(), 1);
    let late = second.stop(StopOptions::default().snapshot_on_stop(true)).await;
    assert!(late.is_ok(), "asking for the same again is fine: {late:?}");
    let ended = Sandbox::create(&site.client, volumes()).await.unwrap();
    ended.stop(StopOptions::default()).await.unwrap();
    let late = ended.stop(StopOptions::default().snapshot_on_stop(true)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::SnapshotOnStopConflict);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_begins_where_the_other_is_and_goes_its_own_way() {
    let site = Site::open().await;
    let options = SandboxOptions::new().env("COLOUR", "green").volume(VolumeOptions::scratch("/work"));
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    sh(&sandbox, "echo shared > /work/file").await;
    let fork = sandbox.fork().await.unwrap();
    assert_ne!(fork.id(), sandbox.id());
    assert_eq!(sh(&fork, "cat /work/file; echo $COLOUR; echo own > /work/file").await, "shared\ngreen\n");
    assert_eq!(sh(&sandbox, "cat /work/file").await, "shared\n");
    let left = Snapshot::list(&site.client, sandbox.id().as_deref()).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    let plain = Sandbox::create(&site.client, SandboxOptions::new()).await.unwrap();
    assert_eq!(field(&plain.fork().await.unwrap_err()), "volumes");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_volume_outlives_the_sandboxes_that_share_it() {
    let site = Site::open().await;
    let spec = VolumeSpec::claim(format!("behaviour-{}", std::process::id())).sub_path("part");
    let volume = Volume::create(&site.client, spec).await.unwrap();
    assert_eq!((volume.status, volume.sub_path.as_deref()), (VolumeStatus::Ready, Some("part")));
    let with = |read_only| {
        let volume = VolumeOptions::registered("/shared", &volume.id).read_only(read_only);
        SandboxOptions::new().volume(volume)
    };
    let writer = Sandbox::create(&site.client, with(false)).await.unwrap();
    sh(&writer, "echo here > /shared/file").await;
    writer.stop(StopOptions::default()).await.unwrap();
    let reader = Sandbox::create(&site.client, with(true)).await.unwrap();
    assert_eq!(
        sh(&reader, "cat /shared/file; rm -f /shared/file 2>/dev/null || echo refused").await,
        "here\nrefused\n"
    );
    let used = Volume::delete(&site.client, &volume.id, false, false).await.unwrap_err();
    assert_eq!(used.kind(), ErrorKind::VolumeInUse);
    let changes = VolumeChanges::default().read_only(true).description("data");
    let changed = Volume::update(&site.client, &volume.id, changes).await.unwrap();
    assert_eq!((changed.read_only, changed.description.as_deref()), (true, Some("data")));
    let listed = Volume::list(&site.client).await.unwrap();
    assert!(listed.iter().any(|other| other.id == volume.id));
    assert_eq!(Volume::validate(&site.client, &volume.id).await.unwrap().status, VolumeStatus::Ready);
    reader.stop(StopOptions::default()).await.unwrap();
    Volume::delete(&site.client, &volume.id, false, false).await.unwrap();
    Volume::delete(&site.client, &volume.id, true, false).await.unwrap();
    assert_eq!(Volume::get(&site.client, &volume.id).await.unwrap_err().kind(), ErrorKind::VolumeNotFound);
    site.close().await;
}
