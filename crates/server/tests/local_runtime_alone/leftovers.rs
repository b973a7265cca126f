//! Two hundred lives leave nothing: no process, mount, control group, directory, descriptor.

use std::{fs, path::Path, time::Duration};

use jetway_server::runtime::Runtime;

use crate::support::{plan, printed, sh, site};

/// Descriptors of this process.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Children of this process that run or wait to be reaped.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let stats =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.split(' ').nth(2) == Some(&own))).collect()
}

/// Control groups below any hierarchy that a server of this data directory made.
fn groups(folder: &Path, depth: usize, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name().to_string_lossy().starts_with("cycle-") {
                found.push(entry.path().display().to_string());
            }
            if depth > 0 {
                groups(&entry.path(), depth - 1, found);
            }
        }
    }
}

pub async fn two_hundred_lives_leave_nothing() {
    let site = site();
    // The spare process is there before and after.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = (descriptors(), fs::read_to_string("/proc/self/mounts").unwrap(), children().len());
    for number in 0..200 {
        let sandbox = site.runtime.start(plan(&format!("cycle-{number}"))).await.unwrap();
        assert_eq!(
            sh(&sandbox, "echo $$ > /workspace/f; mkdir -m 0 locked; (sleep 100 &); echo ok").await,
            printed("ok\n")
        );
        match number % 3 {
            0 => sandbox.stop(Duration::from_millis(50)).await.unwrap(),
            1 => drop(sandbox.exec(crate::support::request(&["sleep", "100"])).await.unwrap()),
            _ => {}
        }
        sandbox.remove().await.unwrap();
    }
    // Watching tasks close their descriptors a moment later, and a new spare process comes up.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(children().len(), before.2, "{:?}", children());
    assert_eq!(fs::read_to_string("/proc/self/mounts").unwrap(), before.1);
    assert!(descriptors() <= before.0 + 2, "{} descriptors, {} before", descriptors(), before.0);
    let mut found = Vec::new();
    groups(Path::new("/sys/fs/cgroup"), 3, &mut found);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(fs::read_dir(site.data_dir.path().join("sandboxes")).unwrap().count(), 0);
}
