//! One container's birth: its directory, its control groups, its agent, up to an agent that is ready to start the main
//! command. The first container makes the sandbox's namespaces, the others join two of them. Blocking.
//! Must not know: tokio, images' names, other containers.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::chown, net::UnixListener},
    },
    path::Path,
    time::Duration,
};

use jetway_agent::{
    channel::Channel,
    protocol::{self, Birth, Container, Ids, Progress, Ready, Setup},
};
use rustix::process::{Pid, PidfdFlags};

use super::{
    Site,
    birth::context,
    cgroups::Group,
    clear, host_view, layer,
    link::socket_path,
    network::EGRESS_PORT,
    plan,
    record::{ContainerRecord, Home, start_time},
    roots::Root,
    volumes::Volumes,
};
use crate::runtime::{ContainerPlan, Limits, RuntimeError};

/// Longest a birth may take without a sign of life.
const PATIENCE: Duration = Duration::from_secs(20);

/// A container that runs, or waits for the order to start its main command.
pub struct Born {
    /// Its directory.
    pub home: Home,
    /// The same, open.
    pub descriptor: OwnedFd,
    /// What the sandbox's directory says about it.
    pub record: ContainerRecord,
    /// Where the agent reports the main command.
    pub control: Channel,
    /// Process one.
    pub process: OwnedFd,
    /// Its control groups.
    pub group: Group,
    /// Its changes are kept in memory.
    pub upper_in_memory: bool,
}

/// The namespaces that a sandbox's containers share.
#[derive(Debug)]
pub struct Family {
    /// Whose ids are mapped to the sandbox's block.
    user: File,
    /// With its loopback interface.
    network: File,
}

impl Family {
    fn of(pid: u32) -> Result<Family, RuntimeError> {
        let open = |name: &str| File::open(format!("/proc/{pid}/ns/{name}"));
        let user = open("user").map_err(context("open the user namespace"))?;
        Ok(Family { user, network: open("net").map_err(context("open the network namespace"))? })
    }
}

/// What a container is made from.
pub struct Conception<'a> {
    /// Its directory, not made yet.
    pub home: Home,
    /// What was asked for.
    pub plan: &'a ContainerPlan,
    /// What its root is built on.
    pub root: Root,
    /// With defaults filled in.
    pub limits: Limits,
    /// First id of the sandbox's block.
    pub block: Option<u32>,
    /// Whether there is a way out of the sandbox's network.
    pub egress: bool,
    /// What the sandbox's containers share.
    pub volumes: &'a mut Volumes,
}

/// Gives birth to one container. Without a `family` it is the first one and founds it. Nothing is left behind on failure
/// but its directory.
pub fn give(site: &Site, wanted: Conception<'_>, family: &mut Option<Family>) -> Result<Born, RuntimeError> {
    let Conception { home, plan, root, limits, block, egress, volumes } = wanted;
    home.make().map_err(context("make the container's directory"))?;
    for name in root.writable().iter().map(String::as_str).chain(["mnt"]) {
        make_owned(&home.path().join(name), block).map_err(context("make the container's directories"))?;
    }
    let descriptor = home.open().map_err(context("open the container's directory"))?;
    let files = Files::make(&home, &descriptor).map_err(context("make the container's files"))?;
    let layers = if block.is_some() { root.layers().len() } else { 0 };
    let share = volumes.share(plan, layers)?;
    let setup = Setup {
        version: protocol::VERSION,
        ephemeral: site.ephemeral,
        ids: if block.is_some() { Ids::Range } else { Ids::Single },
        join: family.is_some(),
        directory: home.path().as_os_str().as_bytes().to_vec(),
        hostname: host_view::HOSTNAME.into(),
        egress_port: (egress && family.is_none()).then_some(EGRESS_PORT),
        container: Container {
            overlays: root.overlays(block.is_some()),
            changes_size: site.root_size,
            argv: plan.argv.clone(),
            env: plan::environment(plan, egress),
            working_dir: plan::working_dir(plan),
            user: plan.user.clone(),
            processes: limits.pids.and_then(|pids| u64::try_from(pids).ok()),
        },
        volumes: share.setup.clone(),
    };
    let mut embryo = site.nursery.take(&site.exe, &site.cgroups).map_err(context("start the agent"))?;
    let group = embryo.group().clone();
    group.limit(&limits).map_err(context("limit the container"))?;
    let control = embryo.take_control().map_err(context("talk to the agent"))?;
    control.set_read_timeout(Some(PATIENCE + share.patience())).map_err(context("set a timeout"))?;
    let mut channel = Channel::new(control.into());
    let mut descriptors = files.descriptors().to_vec();
    descriptors.extend(family.iter().flat_map(|family| [family.user.as_fd(), family.network.as_fd()]));
    // An embryo that is dropped on the way is killed and its groups are removed.
    channel.send(&Birth::Setup(Box::new(setup)), &descriptors).map_err(context("talk to the agent"))?;
    expect(&mut channel, |progress| matches!(progress, Progress::Unshared).then_some(()))?;
    let (founded, namespaces) = match family {
        Some(family) => (false, &*family),
        None => (true, &*family.insert(Family::of(embryo.id())?)),
    };
    let mapped = match block {
        None => Vec::new(),
        Some(base) => {
            if founded {
                layer::map_ids(embryo.id(), base)?;
            }
            layer::mounts(root.layers(), &namespaces.user, base, home.path())?
        }
    };
    let passed = share.descriptors(&namespaces.user)?;
    let mounts: Vec<_> = mapped.iter().chain(&passed).map(AsFd::as_fd).collect();
    channel.send(&Birth::Mapped, &mounts).map_err(context("talk to the agent"))?;
    let pid = expect(&mut channel, |progress| match progress {
        Progress::Born { pid } => Pid::from_raw(pid),
        _ => None,
    })?;
    // Process one is a child of this process, so its number cannot have been used again.
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from);
    let process = process.map_err(context("watch the container"))?;
    let ready = embryo.hand_over().map_err(context("see stage 0 end")).and_then(|()| {
        expect(&mut channel, |progress| match progress {
            Progress::Ready(ready) => Some(ready),
            _ => None,
        })
    });
    let Ready { upper_in_memory } = ready.inspect_err(|_| {
        clear::kill(&process);
        // Groups that stay are swept later.
        let _ = group.remove();
    })?;
    volumes.take(|| channel.take_descriptor());
    let pid = pid.as_raw_nonzero().get();
    let record = ContainerRecord {
        name: plan.name.clone(),
        pid,
        started: start_time(pid).unwrap_or(0),
        group: group.id().to_owned(),
        layers: root.layers().to_vec(),
        view: root.view().clone(),
    };
    Ok(Born { home, descriptor, record, control: channel, process, group, upper_in_memory })
}

/// Starts the main command of a container that is ready.
pub fn start_main(control: &mut Channel) -> Result<(), RuntimeError> {
    control.send(&Birth::StartMain, &[]).map_err(context("talk to the agent"))?;
    expect(control, |progress| matches!(progress, Progress::MainStarted).then_some(()))
}

/// Makes a directory that belongs to the sandbox's root.
pub fn make_owned(path: &Path, block: Option<u32>) -> io::Result<()> {
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
