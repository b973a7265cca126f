//! Volumes, and trees that are saved from one sandbox and restored in another, hostile ones among them.

use std::{fs::File, path::Path, sync::Arc};

use jetway_server::runtime::{
    ExecRequest, FileError, Instance, MountPlan, Runtime, RuntimeError, SandboxPlan, TreePlace, VolumePlan,
    VolumeSource,
};

use crate::support::{Site, plan, printed, request, run_request, sandbox, sh, site};

fn volume(name: &str, source: VolumeSource) -> VolumePlan {
    VolumePlan { name: name.into(), source, restore: None }
}

fn mount(volume: &str, path: &str) -> MountPlan {
    MountPlan { volume: volume.into(), path: path.into(), sub_path: String::new(), read_only: false }
}

fn with(id: &str, volumes: Vec<VolumePlan>, mounts: Vec<MountPlan>) -> SandboxPlan {
    let mut plan = plan(id);
    plan.volumes = volumes;
    plan.containers[0].mounts = mounts;
    plan
}

const MEMORY: VolumeSource = VolumeSource::Memory { size: 8 << 20 };

async fn save(sandbox: &Arc<dyn Instance>, place: &TreePlace, path: &Path) -> Result<u64, FileError> {
    Ok(sandbox.save_tree(place, File::create(path).unwrap()).await?.entries)
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_are_seen_where_they_are_mounted_and_as_they_are_mounted() {
    let site = site();
    let mut mounts = vec![mount("disk", "/data"), mount("fast", "/data/fast"), mount("disk", "/look")];
    mounts[2].read_only = true;
    mounts.push(MountPlan { sub_path: "a/b".into(), ..mount("disk", "/part") });
    let plan = with("box", vec![volume("disk", VolumeSource::Disk), volume("fast", MEMORY)], mounts);
    let sandbox = site.runtime.start(plan).await.unwrap();
    let script = "echo one > /data/one && cat /look/one; echo two > /part/two && cat /data/a/b/two
        echo no 2>/dev/null > /look/no || echo read-only; stat -f -c %T /data/fast; stat -c '%u %a' /data";
    assert_eq!(sh(&sandbox, script).await, printed("one\ntwo\nread-only\ntmpfs\n0 755\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_in_memory_is_as_large_as_it_was_asked_to_be() {
    let site = site();
    let plan = with("box", vec![volume("fast", MEMORY)], vec![mount("fast", "/fast")]);
    let sandbox = site.runtime.start(plan).await.unwrap();
    let fill = sh(&sandbox, "head -c 9000000 /dev/zero 2>&1 > /fast/zeros; stat -c %s /fast/zeros").await;
    assert!(fill.stdout.contains("No space left on device"), "{fill:?}");
    assert!(fill.stdout.ends_with("8388608\n"), "{fill:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_volume_outlives_its_sandbox_and_is_shared() {
    let site = site();
    site.runtime.create_volume("shared").await.unwrap();
    site.runtime.create_volume("shared").await.unwrap();
    let kept = || volume("shared", VolumeSource::Kept { key: "shared".into() });
    let first = site.runtime.start(with("one", vec![kept()], vec![mount("shared", "/s")])).await.unwrap();
    let second = site.runtime.start(with("two", vec![kept()], vec![mount("shared", "/s")])).await.unwrap();
    assert_eq!(sh(&first, "echo here > /s/file; mkdir -m 700 /s/private; chown 7:8 /s/private").await, printed(""));
    assert_eq!(sh(&second, "cat /s/file; stat -c '%u %g' /s/file").await, printed("here\n0 0\n"));
    first.remove().await.unwrap();
    assert_eq!(sh(&second, "rm /s/file && ls /s").await, printed("private\n"));
    second.remove().await.unwrap();
    std::fs::remove_dir_all(site.data_dir.path().join("volumes/shared")).unwrap();
    let refused = site.runtime.start(with("three", vec![kept()], vec![mount("shared", "/s")])).await;
    assert!(matches!(refused.err(), Some(RuntimeError::Io { .. })));
}

/// What a tree may hold, and what is to be the same after a round trip.
const HOSTILE: &str = "set -e; cd $T
    echo text > plain; ln plain again; ln plain third; ln -s ../../../../etc/passwd out; ln -s /proc/self/mem mem
    mkdir -p deep/er; echo x > deep/er/x; mkdir closed; echo shut > closed/in; chmod 000 closed; chmod 4755 plain
    mkfifo pipe; truncate -s 3G hole; printf end >> hole; printf mid | dd of=hole bs=1 seek=1000000000 conv=notrunc status=none
    printf 'new\nline' > \"$(printf 'a\nb')\"; printf x > \"$(printf '\\377\\376')\"; : > -rf; touch -d @1000000000.5 plain
    chown 12:34 deep/er/x 2>/dev/null || true; python3 -c \"
import os; os.setxattr('plain', 'user.note', b'kept\\0bytes')\" 2>/dev/null || true
    python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('gone')\" || true";
const LIST: &str = "cd $T; (find . ! -type d ! -name gone -printf '%p|%y|%m|%U|%G|%n|%s|%T@|%l\\n'
    find . -mindepth 1 -type d -printf '%p|%m|%U|%G|%T@\\n') | LC_ALL=C sort; cat plain deep/er/x closed/in
    python3 -c \"import os; print(os.listxattr('plain'))\"; tail -c 3 hole; dd if=hole bs=1 skip=1000000000 count=3 status=none
    test $(du -k hole | cut -f1) -lt 1000 && echo sparse; test plain -ef third && echo linked";

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_comes_back_as_it_was_whatever_it_holds() {
    let site = site();
    let saved = site.data_dir.path().join("saved.tree");
    let first = site.runtime.start(with("one", vec![volume("v", MEMORY)], vec![mount("v", "/v")])).await.unwrap();
    let made = sh(&first, &format!("T=/v; {HOSTILE}")).await;
    assert_eq!(made.code, 0, "{made:?}");
    let before = sh(&first, &format!("T=/v; {LIST}")).await;
    assert!(before.stdout.contains("endmidsparse\nlinked"), "{before:?}");
    save(&first, &TreePlace::Volume("v".into()), &saved).await.unwrap();
    assert!(saved.metadata().unwrap().len() < 1 << 20, "holes cost nothing");
    first.remove().await.unwrap();

    let mut again = volume("v", MEMORY);
    again.restore = Some(saved.clone());
    let mut read_only = mount("v", "/v");
    read_only.read_only = true;
    let second = site.runtime.start(with("two", vec![again], vec![read_only])).await.unwrap();
    let after = sh(&second, &format!("T=/v; {LIST}")).await;
    assert_eq!(before.stdout, after.stdout);
    assert_eq!(sh(&second, "ls /v/gone 2>/dev/null || echo no sockets").await, printed("no sockets\n"));

    // Into a directory of another sandbox's own root, while it runs; what was there goes.
    let place = TreePlace::Directory { container: String::new(), path: "/workspace".into() };
    let third = sandbox(&site).await;
    assert_eq!(sh(&third, "mkdir -p old/er; echo old > old/er/file; echo old > plain").await, printed(""));
    third.restore_tree(&place, File::open(&saved).unwrap()).await.unwrap();
    let moved = sh(&third, &format!("T=/workspace; {LIST}; ls /workspace/old 2>/dev/null")).await;
    assert_eq!(moved.stdout, before.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_or_restored_says_so() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let path = site.data_dir.path().join("saved.tree");
    let directory = |path: &str| TreePlace::Directory { container: String::new(), path: path.into() };
    for (place, wanted) in [
        (directory("/nowhere"), "no such file"),
        (directory("/etc/passwd"), "no such file"),
        (directory("/proc/1"), "permission denied"),
        (directory("relative"), "Invalid argument"),
        (TreePlace::Volume("none".into()), "no volume named"),
        (TreePlace::Directory { container: "other".into(), path: "/".into() }, "no container named"),
    ] {
        let error = save(&sandbox, &place, &path).await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{place:?}: {error}");
    }
    assert_eq!(sh(&sandbox, "echo mine > kept").await, printed(""));
    let workspace = directory("/workspace");
    for broken in ["", "JWTREE1\n", "no tree at all", "JWTREE1\nZ"] {
        std::fs::write(&path, broken).unwrap();
        let error = sandbox.restore_tree(&workspace, File::open(&path).unwrap()).await.unwrap_err();
        assert!(matches!(error, FileError::Io { .. }), "{broken:?}: {error}");
    }
    assert_eq!(sh(&sandbox, "cat kept").await, printed("mine\n"), "a file that is no tree changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_does_not_fit_stops_the_start() {
    let site: Site = site();
    let first = sandbox(&site).await;
    let saved = site.data_dir.path().join("saved.tree");
    assert_eq!(sh(&first, "head -c 9000000 /dev/urandom > big").await, printed(""));
    let place = TreePlace::Directory { container: String::new(), path: "/workspace".into() };
    save(&first, &place, &saved).await.unwrap();
    let mut small = volume("v", MEMORY);
    small.restore = Some(saved);
    let error = site.runtime.start(with("two", vec![small], vec![mount("v", "/v")])).await.err().unwrap().to_string();
    assert!(error.contains("No space left on device"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_share_volumes_and_none_sees_what_it_does_not_mount() {
    let site = site();
    site.runtime.create_volume("kept").await.unwrap();
    let kept = volume("kept", VolumeSource::Kept { key: "kept".into() });
    let mut plan = with("box", vec![volume("disk", VolumeSource::Disk), volume("fast", MEMORY), kept], vec![]);
    let second = |name: &str| {
        let mut container = plan.containers[0].clone();
        container.name = name.into();
        container.mounts = ["disk", "fast", "kept"].map(|volume| mount(volume, &format!("/v/{volume}"))).to_vec();
        container
    };
    let others = [second("second"), second("third")];
    plan.containers[0].mounts = vec![mount("disk", "/disk")];
    plan.containers.extend(others);
    let sandbox = site.runtime.start(plan).await.unwrap();
    let on = |container: &str, script: &str| {
        let request = ExecRequest { container: container.into(), ..request(&["/bin/sh", "-c", script]) };
        let sandbox = sandbox.clone();
        async move { run_request(&sandbox, request, b"").await }
    };
    assert_eq!(on("second", "for v in disk fast kept; do echo $v > /v/$v/file; done").await, printed(""));
    assert_eq!(on("third", "cat /v/*/file; ls /v").await, printed("disk\nfast\nkept\ndisk\nfast\nkept\n"));
    assert_eq!(on("", "cat /disk/file; ls -d /v 2>/dev/null || echo none").await, printed("disk\nnone\n"));
    let saved = site.data_dir.path().join("saved.tree");
    assert_eq!(save(&sandbox, &TreePlace::Volume("fast".into()), &saved).await.unwrap(), 1);
}
