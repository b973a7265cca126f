//! A sandbox's birth, from an empty directory to a running main command. Blocking: it runs on a thread of its own.
//! Must not know: tokio, images' names.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::chown, net::UnixListener},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use jetway_agent::{
    channel::Channel,
    protocol::{self, Birth, Container, Ids, Lower, Overlay, Progress, Setup},
};
use rustix::process::{Pid, PidfdFlags};

use super::{
    Site,
    cgroups::Group,
    clear, host_view, layer,
    link::socket_path,
    plan,
    record::{Home, Record, start_time},
};
use crate::runtime::{ImageView, RuntimeError, SandboxPlan};

/// Longest a birth may take without a sign of life.
const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox that runs.
pub struct Born {
    /// Its directory.
    pub home: Home,
    /// The same, open.
    pub descriptor: OwnedFd,
    /// What its directory says about it.
    pub record: Record,
    /// Where the agent reports main commands.
    pub control: Channel,
    /// Process one.
    pub process: OwnedFd,
    /// Its control groups.
    pub group: Group,
    /// Its changes are kept in memory.
    pub upper_in_memory: bool,
}

/// What exists so far, to be undone if the rest fails.
struct Partial<'a> {
    site: &'a Site,
    home: Home,
    block: Option<u32>,
    group: Option<Group>,
    process: Option<OwnedFd>,
    complete: bool,
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if !self.complete {
            if let Some(process) = &self.process {
                clear::kill(process);
            }
            // What cannot be removed now, the next sweep finds.
            let _ = clear::remove(self.site, &self.home, self.group.as_ref(), self.block);
        }
    }
}

/// Gives birth to `plan`'s sandbox on the layers at `layers`.
pub fn give(site: &Site, plan: &SandboxPlan, view: ImageView, layers: PathBuf) -> Result<Born, RuntimeError> {
    let [container] = plan.containers.as_slice() else {
        let text =
            format!("{} containers asked for; the local runtime runs one container per sandbox", plan.containers.len());
        return Err(RuntimeError::Unsupported(text));
    };
    plan::check(plan, container)?;
    let limits = site.limits(&container.limits)?;
    let block = match &site.blocks {
        None => None,
        Some(blocks) => Some(blocks.take().ok_or_else(|| RuntimeError::Unsupported("no user ids left".into()))?),
    };
    let home = Home::new(&site.sandboxes, &plan.id);
    home.make().map_err(context("make the sandbox's directory"))?;
    let mut partial = Partial { site, home: home.clone(), block, group: None, process: None, complete: false };

    let (overlays, writable) = overlays(&layers, block.is_some());
    for name in &writable {
        make_owned(&home.path().join(name), block).map_err(context("make the sandbox's directories"))?;
    }
    let descriptor = home.open().map_err(context("open the sandbox's directory"))?;
    let files = Files::make(&home, &descriptor).map_err(context("make the sandbox's files"))?;
    let mut embryo = site.nursery.take(&site.exe, &site.cgroups).map_err(context("start the agent"))?;
    let group = embryo.group().clone();
    let control = embryo.take_control().map_err(context("talk to the agent"))?;
    control.set_read_timeout(Some(PATIENCE)).map_err(context("set a timeout"))?;
    let born = (|| {
        group.limit(&limits).map_err(context("limit the sandbox"))?;
        let mut channel = Channel::new(control.into());
        let container = Container {
            name: container.name.clone(),
            overlays,
            argv: container.argv.clone(),
            env: plan::environment(container),
            working_dir: plan::working_dir(container),
            processes: limits.pids.and_then(|pids| u64::try_from(pids).ok()),
        };
        let setup = Setup {
            version: protocol::VERSION,
            ephemeral: site.ephemeral,
            ids: if block.is_some() { Ids::Range } else { Ids::Single },
            directory: home.path().as_os_str().as_bytes().to_vec(),
            hostname: host_view::HOSTNAME.into(),
            containers: vec![container],
        };
        let silent = context("talk to the agent");
        channel.send(&Birth::Setup(setup), &files.descriptors()).map_err(silent)?;
        expect(&mut channel, |progress| matches!(progress, Progress::Unshared).then_some(()))?;
        let mapped = match block {
            None => Vec::new(),
            Some(base) => layer::map(embryo.id(), base, &layers, home.path())?,
        };
        channel.send(&Birth::Mapped, &mapped.iter().map(AsFd::as_fd).collect::<Vec<_>>()).map_err(silent)?;
        let pid = expect(&mut channel, |progress| match progress {
            Progress::Born { pid } => Pid::from_raw(pid),
            _ => None,
        })?;
        // Process one is a child of this process, so its number cannot have been used again.
        let process = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from);
        partial.process = Some(process.map_err(context("watch the sandbox"))?);
        Ok((channel, pid))
    })();
    // An embryo that is dropped here is killed and its groups are removed.
    let (mut channel, pid) = born?;
    partial.group = Some(group.clone());
    embryo.hand_over().map_err(context("see stage 0 end"))?;

    let ready = expect(&mut channel, |progress| match progress {
        Progress::Ready(ready) => Some(ready),
        _ => None,
    })?;
    plan::write_files(&descriptor, &container.files)?;
    let pid = pid.as_raw_nonzero().get();
    let record = Record {
        pid,
        started: start_time(pid).unwrap_or(0),
        block,
        group: group.id().to_owned(),
        layers,
        view,
        containers: plan.containers.iter().map(|container| container.name.clone()).collect(),
    };
    home.write(&record).map_err(context("record the sandbox"))?;
    channel.send(&Birth::StartMain, &[]).map_err(context("talk to the agent"))?;
    expect(&mut channel, |progress| matches!(progress, Progress::MainStarted { .. }).then_some(()))?;
    let Some(process) = partial.process.take() else {
        return Err(RuntimeError::Gone("its first process was lost".into()));
    };
    partial.complete = true;
    Ok(Born { home, descriptor, record, control: channel, process, group, upper_in_memory: ready.upper_in_memory })
}

/// The overlays of a host view, and the directories they write to.
fn overlays(layers: &Path, passed: bool) -> (Vec<Overlay>, Vec<String>) {
    let bytes = |path: PathBuf| Lower::Path(path.into_os_string().as_encoded_bytes().to_vec());
    let own = |index: usize, name: &str| if passed { Lower::Passed(index) } else { bytes(layers.join(name)) };
    let overlay = |target: &str, name: &str, lowers| Overlay {
        target: target.into(),
        lowers,
        upper: format!("{name}.upper"),
        work: format!("{name}.work"),
    };
    let mut overlays = vec![
        overlay("", "root", vec![own(0, "root")]),
        overlay("usr", "usr", vec![own(1, "usr"), bytes("/usr".into())]),
    ];
    // Only on systems that keep these apart from /usr.
    for name in host_view::SYSTEM {
        let path = Path::new("/").join(name);
        if path.is_dir() && !path.is_symlink() {
            overlays.push(overlay(name, name, vec![bytes(path)]));
        }
    }
    let writable = overlays.iter().flat_map(|overlay| [overlay.upper.clone(), overlay.work.clone()]);
    let writable = writable.chain(["mnt".to_owned()]).collect();
    (overlays, writable)
}

fn make_owned(path: &Path, block: Option<u32>) -> io::Result<()> {
    fs::create_dir(path)?;
    block.map_or(Ok(()), |base| chown(path, Some(base), Some(base)))
}

/// The files that process one gets as descriptors, because it cannot reach them by path.
struct Files {
    listener: UnixListener,
    data: File,
    index: File,
    exit: File,
}

impl Files {
    fn make(home: &Home, descriptor: &OwnedFd) -> io::Result<Files> {
        let logs = home.logs();
        let append = |path: &Path| OpenOptions::new().create_new(true).append(true).open(path);
        Ok(Files {
            listener: UnixListener::bind(socket_path(descriptor))?,
            data: append(&logs.data)?,
            index: append(&logs.index)?,
            exit: append(&home.exit_file())?,
        })
    }

    fn descriptors(&self) -> [BorrowedFd<'_>; 4] {
        [self.listener.as_fd(), self.data.as_fd(), self.index.as_fd(), self.exit.as_fd()]
    }
}

fn expect<T>(channel: &mut Channel, wanted: impl Fn(Progress) -> Option<T>) -> Result<T, RuntimeError> {
    match channel.receive::<Progress>().map_err(context("hear from the agent"))? {
        Progress::Failed(failure) => Err(RuntimeError::Io { source: failure.reason(), context: failure.step }),
        progress => wanted(progress).ok_or_else(|| RuntimeError::Io {
            context: "hear from the agent".into(),
            source: io::Error::other("it said something unexpected"),
        }),
    }
}

pub(super) fn context(what: &'static str) -> impl Fn(io::Error) -> RuntimeError + Copy {
    move |source| RuntimeError::Io { context: what.into(), source }
}
