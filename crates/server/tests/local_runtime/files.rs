//! File calls: through the sandbox's own root only, whole or not at all.

use std::sync::Arc;

use jetway_server::runtime::{FileError, FilePlan, Instance, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{plan, printed, sandbox, sh, site};

async fn write(sandbox: &Arc<dyn Instance>, path: &str, bytes: &[u8]) -> Result<(), FileError> {
    let mut writer = sandbox.create_file("", path).await?;
    writer.file.write_all(bytes).await.unwrap();
    writer.file.flush().await.unwrap();
    (writer.commit)().await
}

async fn read(sandbox: &Arc<dyn Instance>, path: &str) -> Result<Vec<u8>, FileError> {
    let mut open = sandbox.open_file("", path).await?;
    let mut bytes = Vec::new();
    open.file.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(open.size, bytes.len() as u64);
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_come_back_and_directories_are_made() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
    write(&sandbox, "/workspace/a/b/c.bin", &bytes).await.unwrap();
    assert!(read(&sandbox, "/workspace/a/b/c.bin").await.unwrap() == bytes);
    assert_eq!(sh(&sandbox, "stat -c '%a %u %s' a/b/c.bin").await, printed("644 0 3000000\n"));
    assert_eq!(sh(&sandbox, "ls -A a/b").await, printed("c.bin\n"), "no temporary file is left");
    write(&sandbox, "/workspace/a/b/c.bin", b"shorter").await.unwrap();
    assert_eq!(read(&sandbox, "/workspace/a/b/c.bin").await.unwrap(), b"shorter");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncommitted_file_never_shows() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let mut writer = sandbox.create_file("", "/workspace/half").await.unwrap();
    writer.file.write_all(b"half").await.unwrap();
    drop(writer);
    for _ in 0..50 {
        if sh(&sandbox, "ls -A").await.stdout.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("left: {}", sh(&sandbox, "ls -A").await.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_keeps_the_mode_and_follows_links_inside() {
    let site = site();
    let sandbox = sandbox(&site).await;
    sh(&sandbox, "echo old > script; chmod 755 script; ln -s script link").await;
    write(&sandbox, "/workspace/link", b"new").await.unwrap();
    assert_eq!(sh(&sandbox, "stat -c %a script; cat script; readlink link").await.stdout, "755\nnewscript\n");
    // Through the agent an absolute link leads into the sandbox's root, whatever the host has there.
    sh(&sandbox, "ln -s /etc/hostname outside").await;
    assert_eq!(read(&sandbox, "/workspace/outside").await.unwrap(), b"sandbox\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_type() {
    let site = site();
    let sandbox = sandbox(&site).await;
    sh(&sandbox, "mkfifo pipe; ln -s loop loop; ln -s /proc/self/fd/4 magic; ln -s /proc/self/exe exe").await;
    assert!(matches!(read(&sandbox, "/workspace/none").await, Err(FileError::NotFound(_))));
    assert!(matches!(read(&sandbox, "/etc/hostname/x").await, Err(FileError::NotFound(_))));
    for path in ["/workspace", "/workspace/", "/workspace/pipe", "/dev/null"] {
        assert!(matches!(read(&sandbox, path).await, Err(FileError::IsDirectory(_))), "{path}");
        assert!(matches!(write(&sandbox, path, b"").await, Err(FileError::IsDirectory(_))), "{path}");
    }
    for path in ["relative", "", "/nul\0", "/workspace/loop", "/workspace/magic", "/workspace/exe"] {
        assert!(matches!(read(&sandbox, path).await, Err(FileError::Io { .. })), "{path:?}");
        assert!(matches!(write(&sandbox, path, b"").await, Err(FileError::Io { .. })), "{path:?}");
    }
    for path in ["/usr/bin/new-file", "/usr/bin/env", "/proc/self/comm"] {
        let error = write(&sandbox, path, b"").await.unwrap_err();
        assert!(matches!(error, FileError::PermissionDenied(_)), "{path}: {error}");
    }
    let other = sandbox.open_file("other", "/etc/hostname").await.err().unwrap();
    assert!(other.to_string().contains("no container named"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planned_files_are_there_before_main_starts() {
    let site = site();
    let mut plan = plan("box");
    plan.containers[0].argv = ["/bin/sh", "-c", "cat /opt/deep/in.txt; sha256sum /opt/bin"].map(str::to_owned).to_vec();
    plan.containers[0].files = vec![
        FilePlan { path: "/opt/deep/in.txt".into(), content: b"planned\n".to_vec() },
        FilePlan { path: "/opt/bin".into(), content: vec![0; 1_000_000] },
    ];
    let sandbox = site.runtime.start(plan).await.unwrap();
    assert_eq!(sandbox.main_exit("").await.code, 0);
    let log = std::fs::read_to_string(sandbox.logs("main").unwrap().data).unwrap();
    let hash = "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025";
    assert_eq!(log, format!("planned\n{hash}  /opt/bin\n"));
}
