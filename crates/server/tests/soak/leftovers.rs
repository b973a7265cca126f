//! What sandboxes use on the host, noted while they live, looked for when they should be gone: processes, mounts, control
//! groups, directories.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A variable that every process of a sandbox of this soak has.
pub const MARK: &str = "JETWAY_SOAK_MARK";

/// What to look for.
pub struct Leftovers {
    data_dir: PathBuf,
    mounts: usize,
    /// Process number and start time.
    agents: HashSet<(i64, u64)>,
    groups: HashSet<String>,
}

impl Leftovers {
    /// Before anything was started.
    pub fn before(data_dir: &Path) -> Leftovers {
        let data_dir = data_dir.to_owned();
        Leftovers { data_dir, mounts: mounts(), agents: HashSet::new(), groups: HashSet::new() }
    }

    /// Notes what is used now.
    pub fn note(&mut self) {
        let mut records = Vec::new();
        find(&self.data_dir.join("sandboxes"), 2, &mut records);
        for record in records {
            let Ok(text) = fs::read(&record) else { continue };
            let Ok(record) = serde_json::from_slice::<serde_json::Value>(&text) else { continue };
            if let (Some(pid), Some(started)) = (record["pid"].as_i64(), record["started"].as_u64()) {
                self.agents.insert((pid, started));
            }
            self.groups.extend(record["group"].as_str().map(str::to_owned));
        }
    }

    /// What is still there although everything was stopped, a line each; it gets a moment to settle.
    pub async fn after(&self) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let left = self.left();
            if left.is_empty() || begun.elapsed() > Duration::from_secs(60) {
                return left.into_iter().collect();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn left(&self) -> BTreeSet<String> {
        let mut left = BTreeSet::new();
        for (pid, started) in &self.agents {
            if start_time(*pid) == Some(*started) {
                left.insert(format!("agent {pid} still runs"));
            }
        }
        let mark = format!("{MARK}={}", std::process::id());
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                left.insert(format!("process {} of a sandbox still runs", entry.file_name().to_string_lossy()));
            }
        }
        if mounts() > self.mounts {
            left.insert(format!("{} mounts more than before", mounts() - self.mounts));
        }
        let mut groups = Vec::new();
        find_groups(Path::new("/sys/fs/cgroup"), 4, &self.groups, &mut groups);
        left.extend(groups.into_iter().map(|path| format!("control group {} is still there", path.display())));
        for entry in fs::read_dir(self.data_dir.join("sandboxes")).into_iter().flatten().flatten() {
            left.insert(format!("directory {} is still there", entry.path().display()));
        }
        left
    }
}

/// Mounts that show in this process's own table and are of the kind that sandboxes make.
fn mounts() -> usize {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter(|line| line.contains(" - overlay ") || line.contains("jetway")).count()
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name() == "state.json" {
            found.push(entry.path());
        } else if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&entry.path(), depth - 1, found);
        }
    }
}

fn find_groups(folder: &Path, depth: usize, names: &HashSet<String>, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if names.contains(&*entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        } else if depth > 0 {
            find_groups(&entry.path(), depth - 1, names, found);
        }
    }
}

fn start_time(pid: i64) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    // A dead process that nobody has reaped yet is dead.
    if fields.first() == Some(&"Z") { None } else { fields.get(19)?.parse().ok() }
}
