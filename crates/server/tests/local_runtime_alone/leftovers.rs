//! Two hundred lives leave nothing: no process, mount, control group, directory, descriptor.

use std::{
    fmt::Debug,
    fs,
    path::Path,
    time::{Duration, Instant},
};

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

/// Polls until what is counted has settled at what is expected; how long that takes on a busy machine is not our subject.
async fn settles<T: Debug>(what: &str, read: impl Fn() -> T, expected: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let seen = read();
        if expected(&seen) {
            return seen;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not settle: {seen:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mounts").unwrap()
}

fn groups_of_cycles() -> Vec<String> {
    let mut found = Vec::new();
    groups(Path::new("/sys/fs/cgroup"), 3, &mut found);
    found
}

pub async fn two_hundred_lives_leave_nothing() {
    let site = site();
    // A life before counting: the spare process and what is made once (threads, descriptors) are there before and after.
    site.runtime.start(plan("cycle-first")).await.unwrap().remove().await.unwrap();
    settles("the spare process", children, |found| found.len() == 1).await;
    let before = (descriptors(), mounts());
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
    settles("children", children, |found| found.len() == 1).await;
    settles("mounts", mounts, |found| *found == before.1).await;
    settles("descriptors", descriptors, |found| *found <= before.0 + 2).await;
    settles("control groups", groups_of_cycles, Vec::is_empty).await;
    assert_eq!(fs::read_dir(site.data_dir.path().join("sandboxes")).unwrap().count(), 0);
}
