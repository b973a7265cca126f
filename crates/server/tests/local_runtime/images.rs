//! Images that are brought in, and sandboxes on them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jetway_server::{
    images::{ImageError, Images},
    runtime::{Runtime, RuntimeError, SandboxPlan, local::layers_in_use},
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    archives::{Bench, Tar},
    required::missing,
    support::{ended, plan, printed, request, run, run_request, sh, site},
};

/// A root with a shell and tools in one file, which Debian's busybox-static is.
fn busybox() -> Option<Vec<u8>> {
    let found = fs::read("/bin/busybox").ok();
    if found.is_none() {
        missing("/bin/busybox (Debian's busybox-static)");
    }
    found
}

fn tools(tar: Tar, busybox: &[u8]) -> Tar {
    let tar = tar.entry(b'0', "bin/busybox", "", busybox);
    ["sh", "cat", "ls", "sleep", "id", "env", "rm", "pwd", "mkdir"]
        .into_iter()
        .fold(tar, |tar, name| tar.entry(b'2', &format!("bin/{name}"), "busybox", b""))
}

fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// An OCI layout of these layers in a directory.
fn layout(dir: &Path, layers: &[Vec<u8>], config: serde_json::Value) -> PathBuf {
    let path = dir.join("layout");
    fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    let blob = |bytes: &[u8]| {
        let digest = digest(bytes);
        fs::write(path.join("blobs").join(digest.replace(':', "/")), bytes).unwrap();
        json!({ "digest": digest, "size": bytes.len(), "mediaType": "" })
    };
    let diff_ids: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
    let file = json!({ "config": config, "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob(file.to_string().as_bytes()),
        "layers": layers.iter().map(|layer| blob(layer)).collect::<Vec<_>>(),
    });
    let index = json!({ "schemaVersion": 2, "manifests": [blob(manifest.to_string().as_bytes())] });
    fs::write(path.join("index.json"), index.to_string()).unwrap();
    fs::write(path.join("oci-layout"), "{}").unwrap();
    path
}

fn on(image: &str, id: &str) -> SandboxPlan {
    let mut plan = plan(id);
    plan.containers[0].image = image.into();
    plan
}

#[tokio::test]
async fn a_sandbox_stands_on_an_image_with_its_whiteouts() {
    let Some(busybox) = busybox() else { return };
    let site = site();
    let bench = Bench::new();
    let low = tools(Tar::default(), &busybox)
        .file("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:7:8::/home/app:/bin/sh\n")
        .file("etc/group", "extra:x:9:app\n")
        .file("gone", "x")
        .file("dir/old", "x")
        .file("kept", "low");
    // The way to mount points is not the image's to choose.
    let low = low.entry(b'2', "proc", "/etc", b"").entry(b'2', "dev", "/etc", b"");
    let high = Tar::default().file(".wh.gone", "").file("dir/.wh..wh..opq", "").file("dir/new", "x");
    let path = layout(bench.file("x", b"").parent().unwrap(), &[low.end(), high.end()], json!({}));
    let images = Images::open(site.data_dir.path()).unwrap();
    let image = images.import("app:1", &path).unwrap();
    assert_eq!((image.layers.len(), image.name.as_str()), (2, "docker.io/library/app:1"));

    let sandbox = site.runtime.start(on("app:1", "box")).await.unwrap();
    assert_eq!(sandbox.view().kind, "image");
    assert!(sandbox.view().description.contains("app:1 (sha256:"), "{}", sandbox.view().description);
    assert_eq!(sh(&sandbox, "ls /gone").await.code, 1);
    assert_eq!(sh(&sandbox, "ls /dir; cat /kept; pwd").await, printed("new\nlow/\n"));
    assert_eq!(
        sh(&sandbox, "ls /usr /etc/shadow /dev/null /proc/self/status").await.stdout,
        "/dev/null\n/proc/self/status\n"
    );
    // Every part of it can be changed, for this sandbox alone.
    assert_eq!(
        sh(&sandbox, "rm -r /dir /kept && mkdir /dir && echo x > /etc/passwd && cat /etc/passwd").await,
        printed("x\n")
    );
    let other = site.runtime.start(on("docker.io/library/app:1", "other")).await.unwrap();
    assert_eq!(sh(&other, "cat /kept").await, printed("low"));

    // What sandboxes stand on stays.
    let used = || layers_in_use(site.data_dir.path());
    assert!(matches!(images.remove("app:1", used), Err(ImageError::InUse(_))));
    sandbox.remove().await.unwrap();
    other.remove().await.unwrap();
    images.remove("app:1", used).unwrap();
    assert_eq!(fs::read_dir(site.data_dir.path().join("images/layers")).unwrap().count(), 0);
    let gone = site.runtime.start(on("app:1", "third")).await.err().unwrap();
    assert!(matches!(gone, RuntimeError::ImageNotFound(_)), "{gone}");
}

#[tokio::test]
async fn what_the_image_says_about_processes_holds_unless_the_caller_says_otherwise() {
    let Some(busybox) = busybox() else { return };
    let site = site();
    let bench = Bench::new();
    let layer = tools(Tar::default(), &busybox)
        .file("etc/passwd", "app:x:7:8::/home/app:/bin/sh\n")
        .file("etc/group", "extra:x:9:app\n");
    let root = rustix::process::geteuid().is_root();
    let user = if root { "app" } else { "" };
    let config = json!({
        "Env": ["GREETING=hello", "PATH=/bin"], "WorkingDir": "/srv/app", "User": user,
        "Entrypoint": ["sh", "-c", "echo $GREETING $0 $HOME; pwd; id; exec sleep 1000"], "Cmd": ["world"],
    });
    let path = layout(bench.file("x", b"").parent().unwrap(), &[layer.end()], config);
    Images::open(site.data_dir.path()).unwrap().import("app", &path).unwrap();
    let say = async |change: &dyn Fn(&mut SandboxPlan)| {
        let mut plan = on("app", "box");
        (plan.containers[0].argv, plan.containers[0].arguments_only) = (Vec::new(), true);
        change(&mut plan);
        let sandbox = site.runtime.start(plan).await.unwrap();
        let log = sandbox.logs("").unwrap().data;
        let mut text = String::new();
        for _ in 0..1500 {
            text = fs::read_to_string(&log).unwrap();
            if text.contains("uid=") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        (text, sandbox)
    };
    let (who, home) = if root { ("uid=7(app) gid=8 groups=9(extra)", "/home/app") } else { ("uid=0", "/root") };
    let (text, sandbox) = say(&|_| {}).await;
    assert!(text.starts_with(&format!("hello world {home}\n/srv/app\n{who}")), "{text}");
    if root {
        // Processes that are started later are the same user, without any privilege.
        let status = run(&sandbox, &["cat", "/proc/self/status"]).await.stdout;
        assert!(status.contains("Uid:\t7\t7\t7\t7") && status.contains("CapPrm:\t0000000000000000"), "{status}");
    }
    sandbox.remove().await.unwrap();

    let (text, sandbox) = say(&|plan| {
        let container = &mut plan.containers[0];
        container.argv = vec!["you".into()];
        container.env.insert("GREETING".into(), "bye".into());
        container.working_dir = "/tmp".into();
        container.user = "0".into();
    })
    .await;
    assert!(text.starts_with("bye you /root\n/tmp\nuid=0"), "{text}");
    sandbox.remove().await.unwrap();
}

#[tokio::test]
async fn a_directory_and_a_saved_archive_are_images_too() {
    let Some(busybox) = busybox() else { return };
    let site = site();
    let images = Images::open(site.data_dir.path()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::write(root.join("bin/busybox"), &busybox).unwrap();
    fs::set_permissions(root.join("bin/busybox"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["sh", "cat", "sleep"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    std::os::unix::fs::symlink("/etc/shadow", root.join("outside")).unwrap();
    images.import("folder", &root).unwrap();
    let sandbox = site.runtime.start(on("folder", "box")).await.unwrap();
    assert_eq!(sh(&sandbox, "echo fine; cat /outside").await.stdout, "fine\n");
    sandbox.remove().await.unwrap();

    let layer = tools(Tar::default(), &busybox).file("here", "saved").end();
    let config = json!({ "rootfs": { "diff_ids": [digest(&layer)] } }).to_string();
    let manifest = json!([{ "Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l/layer.tar"] }]).to_string();
    let saved = Tar::default()
        .entry(b'0', "l/layer.tar", "", &layer)
        .file("c.json", &config)
        .file("manifest.json", &manifest)
        .end();
    let path = dir.path().join("saved.tar");
    fs::write(&path, saved).unwrap();
    images.import("saved", &path).unwrap();
    let sandbox = site.runtime.start(on("saved", "box")).await.unwrap();
    assert_eq!(run_request(&sandbox, request(&["cat", "/here"]), b"").await, printed("saved"));
    sandbox.remove().await.unwrap();
}

#[tokio::test]
async fn layers_that_are_not_what_they_say_are_refused() {
    let bench = Bench::new();
    let dir = bench.file("x", b"").parent().unwrap().to_path_buf();
    let path = layout(&dir, &[Tar::default().file("a", "x").end()], json!({}));
    let other = Tar::default().file("a", "y").end();
    for blob in fs::read_dir(path.join("blobs/sha256")).unwrap().flatten() {
        if fs::read(blob.path()).unwrap().len() == other.len() {
            fs::write(blob.path(), &other).unwrap();
        }
    }
    let error = bench.images.import("bad", &path).unwrap_err();
    assert!(matches!(error, ImageError::Digest { .. }), "{error}");
    assert!(bench.images.list().unwrap().is_empty());
}

#[tokio::test]
async fn images_share_the_layers_that_they_have_in_common() {
    let bench = Bench::new();
    let dir = bench.file("x", b"").parent().unwrap().to_path_buf();
    let base = Tar::default().file("base", "x").end();
    bench.images.import("one", &layout(&dir, std::slice::from_ref(&base), json!({}))).unwrap();
    fs::remove_dir_all(dir.join("layout")).unwrap();
    let own = Tar::default().file("own", "x").end();
    bench.images.import("two", &layout(&dir, &[base, own], json!({}))).unwrap();
    let layers = dir.join("data/images/layers");
    assert_eq!(fs::read_dir(&layers).unwrap().count(), 2);
    bench.images.remove("one", Default::default).unwrap();
    assert_eq!(fs::read_dir(&layers).unwrap().count(), 2, "the other one needs it");
    bench.images.remove("two", Default::default).unwrap();
    assert_eq!(fs::read_dir(&layers).unwrap().count(), 0);
}

#[tokio::test]
async fn an_image_without_a_command_waits() {
    let Some(busybox) = busybox() else { return };
    let site = site();
    let bench = Bench::new();
    let tar = bench.file("root.tar", &tools(Tar::default(), &busybox).end());
    Images::open(site.data_dir.path()).unwrap().import("quiet", &tar).unwrap();
    let mut plan = on("quiet", "box");
    (plan.containers[0].argv, plan.containers[0].arguments_only) = (Vec::new(), true);
    let sandbox = site.runtime.start(plan).await.unwrap();
    assert_eq!(sh(&sandbox, "echo here").await, printed("here\n"));
    assert_eq!(sandbox.exit_code(""), None);
    sandbox.stop(std::time::Duration::from_secs(30)).await.unwrap();
    assert_eq!(sandbox.main_exit("").await, ended(143));
    sandbox.remove().await.unwrap();
}
