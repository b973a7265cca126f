//! Programs we started and what happens to them when we are told to stop.
//!
//! Every child leads its own process group, so that ending it ends what it started. Ctrl-C, SIGTERM and SIGHUP end all
//! groups, remove the scratch directories that are registered here, and only then this program.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a program may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(8);

static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A child whose process group ends when this is dropped, at the latest.
pub struct Owned {
    /// The process itself.
    pub child: Child,
    group: Option<Pid>,
}

/// Starts `command` in a process group of its own.
///
/// # Errors
/// When the program cannot be started, with its name.
pub fn spawn(command: &mut Command) -> Result<Owned> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.process_group(0).spawn().with_context(|| format!("cannot start `{name}`"))?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    lock(&GROUPS).extend(group);
    Ok(Owned { child, group })
}

impl Owned {
    /// Asks the group to end, waits, then insists.
    pub fn end(&mut self) {
        let Some(group) = self.group.take() else { return };
        // A refused signal means that the group is gone already.
        let _ = kill_process_group(group, Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        lock(&GROUPS).retain(|other| *other != group);
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.end();
    }
}

/// A directory that is removed when it is dropped and also when a signal ends us.
pub struct Scratch(tempfile::TempDir);

/// Makes a scratch directory outside the checkout.
///
/// # Errors
/// When the system's temporary directory cannot be written.
pub fn scratch(prefix: &str) -> Result<Scratch> {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir().context("cannot create a temporary directory")?;
    lock(&SCRATCH).push(dir.path().to_owned());
    Ok(Scratch(dir))
}

impl Scratch {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// From now on a signal ends what we started before it ends us.
pub fn end_them_on_signals() {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            end_all();
            std::process::exit(128 + signal);
        }
    });
}

/// True once a signal has arrived: failures after it are consequences, not news.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Leaves the last word to the signal's thread, which is tidying up.
pub fn wait_if_interrupted() {
    while interrupted() {
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn end_all() {
    let groups = lock(&GROUPS).clone();
    for group in &groups {
        let _ = kill_process_group(*group, Signal::TERM);
    }
    let deadline = Instant::now() + GRACE;
    while groups.iter().any(|group| alive(*group)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    for group in &groups {
        let _ = kill_process_group(*group, Signal::KILL);
    }
    for dir in lock(&SCRATCH).iter() {
        let _ = std::fs::remove_dir_all(dir);
    }
}

/// Reaps the leader first: a zombie would keep its group looking alive.
fn alive(group: Pid) -> bool {
    let _ = rustix::process::waitpid(Some(group), rustix::process::WaitOptions::NOHANG);
    test_kill_process_group(group).is_ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
