//! Stage 0: namespaces and id maps, then process one.
//!
//! Stage 0 still has the server's own user id, so this is the moment to open what lies in the private data directory.
//! Must not know: requests.

use std::{
    convert::Infallible,
    ffi::OsString,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::PathBuf,
};

use rustix::{
    process::{DumpableBehavior, Gid, Pid, Uid, set_dumpable_behavior},
    thread::{LinkNameSpaceType, UnshareFlags},
};

use crate::{
    channel::Channel,
    fence,
    main_log::MainLog,
    protocol::{Birth, Failure, Ids, Progress, Setup, VERSION},
    root::{self, Layers},
    serve::Server,
    volumes::{self, Opened, Staged},
};

/// What stage 0 hands to process one.
struct Inheritance {
    setup: Setup,
    listener: OwnedFd,
    log: MainLog,
    layers: Layers,
    volumes: Vec<Opened>,
    /// Ends once stage 0 has reported this process.
    reported: OwnedFd,
}

/// Runs the agent until the sandbox ends. The control socket is descriptor 0.
pub fn become_agent() -> ! {
    // SAFETY: closes descriptors by number before this process has opened any; whoever started the server may have leaked
    // some into it, and an agent that outlives the server would keep, say, a pipe of that program open.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    // It was started through a descriptor, whose number would be its name.
    let _ = rustix::thread::set_name(c"jetway-agent");
    let code = match rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3) {
        Err(_) => 1,
        Ok(socket) => {
            let mut control = Channel::new(socket);
            match stage_zero(&mut control) {
                // Without control there is nobody left to tell.
                Err(failure) => control.send(&Progress::Failed(failure), &[]).map_or(1, |()| 1),
                Ok(Stage::Zero) => 0,
                Ok(Stage::One(inheritance)) => match process_one(control, *inheritance) {
                    Ok(never) => match never {},
                    Err(code) => code,
                },
            }
        }
    };
    std::process::exit(code)
}

enum Stage {
    Zero,
    One(Box<Inheritance>),
}

fn stage_zero(control: &mut Channel) -> Result<Stage, Failure> {
    let Birth::Setup(setup) = control.receive().map_err(Failure::at("read the setup"))? else {
        return Err(out_of_order());
    };
    if setup.version != VERSION {
        return Err(Failure { step: "agree on a protocol version".into(), errno: libc::EPROTO });
    }
    let listener = descriptor(control)?;
    let log = MainLog::new(descriptor(control)?, descriptor(control)?, descriptor(control)?);
    // Its own session: neither the terminal nor the process group of the server reaches it. Fails only for a leader.
    let _ = rustix::process::setsid();

    // Short of memory, the machine should end a sandbox before its server. A stricter value stays: lowering is refused.
    let _ = std::fs::write("/proc/self/oom_score_adj", "100");

    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    let mut flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if setup.join {
        join(&descriptor(control)?, &descriptor(control)?).map_err(Failure::at("join the first container"))?;
    } else {
        flags |= UnshareFlags::NEWUSER | UnshareFlags::NEWNET;
    }
    // SAFETY: this process has one thread and no state shared with another one; none of the flags unshares descriptors.
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .map_err(io::Error::from)
        .map_err(Failure::at("create the namespaces"))?;

    if setup.ids == Ids::Single && !setup.join {
        map_single(uid, gid).map_err(Failure::at("map the own user id"))?;
    }
    control.send(&Progress::Unshared, &[]).map_err(Failure::at("report the namespaces"))?;
    let Birth::Mapped = control.receive().map_err(Failure::at("wait for the id map"))? else {
        return Err(out_of_order());
    };
    let mut passed = Vec::new();
    while let Some(mount) = control.take_descriptor() {
        passed.push(mount);
    }
    let directory = PathBuf::from(OsString::from_vec(setup.directory.clone()));
    let volumes = volumes::open(&setup.volumes, &mut passed)?;
    let layers = Layers::open(&directory, &setup.container, passed)?;

    if setup.ids == Ids::Range {
        let root = (Uid::ROOT, Gid::ROOT);
        rustix::thread::set_thread_groups(&[])
            .and_then(|()| rustix::thread::set_thread_res_gid(root.1, root.1, root.1))
            .and_then(|()| rustix::thread::set_thread_res_uid(root.0, root.0, root.0))
            .map_err(io::Error::from)
            .map_err(Failure::at("become the sandbox's root"))?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(io::Error::from)
        .map_err(Failure::at("hide the agent's memory"))?;

    let (reported, reporting) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(io::Error::from)
        .map_err(Failure::at("make a pipe"))?;
    match sibling().map_err(Failure::at("start process one"))? {
        Some(pid) => {
            let born = Progress::Born { pid: pid.as_raw_nonzero().get() };
            control.send(&born, &[]).map_err(Failure::at("report process one"))?;
            drop(reporting);
            Ok(Stage::Zero)
        }
        None => {
            drop(reporting);
            Ok(Stage::One(Box::new(Inheritance { setup: *setup, listener, log, layers, volumes, reported })))
        }
    }
}

fn process_one(control: Channel, inheritance: Inheritance) -> Result<Infallible, i32> {
    let Inheritance { setup, listener, log, layers, volumes, reported } = inheritance;
    let ready = root::build(&setup, layers, volumes).and_then(|(ready, volumes)| {
        // Listening again makes this process the one that SO_PEERCRED names to a server that finds it later.
        rustix::net::listen(&listener, 4096).map_err(io::Error::from).map_err(Failure::at("listen"))?;
        let server = Server::new(setup, listener, log, volumes)?;
        fence::raise(&["/"])?;
        Ok((ready, server))
    });
    // Nothing is said before stage 0 has said who this is: the server takes both in that order, and on a busy machine this
    // process may be done first. The end of the pipe is stage 0's word, or its end.
    let _ = rustix::io::read(&reported, &mut [0; 1]);
    drop(reported);
    match ready {
        Ok((ready, server)) => {
            let copies: Vec<_> = server.volumes().iter().flat_map(Staged::copies).map(AsFd::as_fd).collect();
            control.send(&Progress::Ready(ready), &copies).map_err(|_| 1)?;
            server.run(control)
        }
        Err(failure) => control.send(&Progress::Failed(failure), &[]).map_or(Err(1), |()| Err(1)),
    }
}

fn out_of_order() -> Failure {
    Failure { step: "follow the server's order of messages".into(), errno: libc::EPROTO }
}

fn descriptor(control: &mut Channel) -> Result<OwnedFd, Failure> {
    control.take_descriptor().ok_or_else(|| Failure { step: "receive descriptors".into(), errno: libc::EBADF })
}

/// The user namespace first: it gives the rights that the other one asks for.
fn join(user: &OwnedFd, network: &OwnedFd) -> io::Result<()> {
    let enter = rustix::thread::move_into_link_name_space;
    enter(user.as_fd(), Some(LinkNameSpaceType::User))?;
    Ok(enter(network.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// An ordinary user may map exactly the own id, and groups only after giving up `setgroups`.
fn map_single(uid: Uid, gid: Gid) -> io::Result<()> {
    std::fs::write("/proc/self/uid_map", format!("0 {} 1\n", uid.as_raw()))?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/gid_map", format!("0 {} 1\n", gid.as_raw()))
}

/// Forks a child whose parent is this process's own parent, so that the server can wait for process one itself.
/// `None` in the child.
fn sibling() -> io::Result<Option<Pid>> {
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // SAFETY: a plain fork (no shared memory, no new stack) of a process with one thread; every argument after the flags
    // is a null pointer, which is what the call takes for "none" on every architecture.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_long, 0, 0, 0, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid as i32)),
    }
}

/// Marks a socket non-blocking.
pub fn set_nonblocking(socket: impl AsFd) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(socket, true)?)
}
