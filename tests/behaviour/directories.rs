//! Directories up and down, and what changes in them.

use std::{
    os::unix::fs::{PermissionsExt, symlink},
    sync::{Arc, Mutex},
    time::Duration,
};

use jetway::{
    ErrorKind, ExecOptions, TransferOptions, Transferred,
    sandbox::{FileChangeKind, IgnoreRules},
};

use crate::support::{Site, field};

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_this_machine_goes_up_and_comes_down_with_modes_times_and_links() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let long = "long/".repeat(40);
    std::fs::create_dir_all(from.join("bin")).unwrap();
    std::fs::create_dir_all(from.join(&long)).unwrap();
    std::fs::create_dir_all(from.join("node_modules/x")).unwrap();
    std::fs::write(from.join("bin/run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    std::fs::set_permissions(from.join("bin/run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(from.join("data"), vec![7; 3_000_000]).unwrap();
    std::fs::write(from.join(&long).join("ü"), "").unwrap();
    std::fs::write(from.join("node_modules/x/y"), "no").unwrap();
    symlink("data", from.join("link")).unwrap();
    let files = sandbox.files();
    let rules = || TransferOptions::new().ignore(IgnoreRules::new(["node_modules/"]));
    let went = files.upload(&from, "/tmp/from", rules()).await.unwrap();
    assert_eq!(went, Transferred { files: 3, bytes: 3_000_019 });
    assert_eq!(sandbox.exec(["/tmp/from/bin/run.sh"], ExecOptions::default()).await.unwrap().stdout_text(), "ran\n");
    assert!(!files.exists("/tmp/from/node_modules").await.unwrap());

    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let options = TransferOptions::new().on_progress(move |progress| listener.lock().unwrap().push(progress.bytes));
    let came = files.download("/tmp/from", &to, options).await.unwrap();
    assert_eq!(came, went);
    assert_eq!(std::fs::metadata(to.join("bin/run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
    let modified = |path: &std::path::Path| {
        let time = path.metadata().unwrap().modified().unwrap();
        time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
    };
    assert_eq!(modified(&to.join("data")), modified(&from.join("data")));
    assert_eq!(std::fs::read_link(to.join("link")).unwrap().to_str(), Some("data"));
    assert!(std::fs::read(to.join("data")).unwrap().iter().all(|byte| *byte == 7));
    assert!(to.join(&long).join("ü").is_file());
    {
        let told = told.lock().unwrap();
        assert_eq!(told.last(), Some(&3_000_019));
        assert!(told.len() > 10 && told.is_sorted(), "large files are told of piece by piece: {told:?}");
    }
    let fewer = TransferOptions::new().ignore(IgnoreRules::new(["*", "!bin"]));
    assert_eq!(files.download("/tmp/from", folder.path().join("few"), fewer).await.unwrap().files, 0);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_transferred_is_said_by_its_place() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let files = sandbox.files();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), vec![1; 4_000_000]).unwrap();
    let options = TransferOptions::new;
    let missing = files.upload(folder.path().join("none"), "/tmp/a", options()).await.unwrap_err();
    assert!(missing.message().contains("none"), "{missing:?}");
    let into = files.upload(folder.path(), "/proc/nowhere", options()).await.unwrap_err();
    assert_eq!((into.kind(), into.metadata()["filepath"].as_str()), (ErrorKind::SandboxFile, "/proc/nowhere"));
    let from = files.download("/tmp/none", folder.path().join("to"), options()).await.unwrap_err();
    assert_eq!(from.reason(), Some("CWSANDBOX_FILE_NOT_FOUND"), "{from:?}");
    let plain = files.download("/etc/passwd", folder.path().join("to"), options()).await.unwrap_err();
    assert_eq!(plain.reason(), Some("CWSANDBOX_FILE_NOT_A_DIRECTORY"), "{plain:?}");
    // A file is where the directory would have to be.
    let here = files.download("/etc/ssl", folder.path().join("file"), options()).await.unwrap_err();
    assert!(here.message().contains("file"), "{here:?}");
    assert_eq!(field(&files.upload(folder.path(), "relative", options()).await.unwrap_err()), "path");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_told_from_the_moment_that_the_watch_is_there() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let files = sandbox.files();
    files.make_dir("/tmp/watched/deep").await.unwrap();
    let mut watcher = files.watch("/tmp/watched", true).await.unwrap();
    files.write("/tmp/watched/a", "x").await.unwrap();
    files.write("/tmp/watched/deep/b", "x").await.unwrap();
    files.remove("/tmp/watched/a", false).await.unwrap();
    let mut wanted = vec![
        (FileChangeKind::Create, "/tmp/watched/a"),
        (FileChangeKind::Create, "/tmp/watched/deep/b"),
        (FileChangeKind::Remove, "/tmp/watched/a"),
    ];
    let seeing = async {
        while !wanted.is_empty() {
            let change = watcher.next().await.unwrap().unwrap();
            wanted.retain(|(kind, path)| (*kind, *path) != (change.kind, change.path.as_str()));
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seeing).await.unwrap();
    let missing = files.watch("/tmp/none", false).await.err().unwrap();
    assert_eq!(missing.reason(), Some("CWSANDBOX_FILE_NOT_FOUND"));
    site.close().await;
}
