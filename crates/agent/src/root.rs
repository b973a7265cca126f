//! The sandbox's own root: overlays, devices, proc, then `pivot_root`; loopback and host name.
//!
//! Runs in process one, as the mapped root, with every capability in its own user namespace only.
//! Must not know: what an image is, requests.

use std::{
    ffi::{CString, OsString},
    fs, io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags,
        mount, mount_bind, mount_change,
    },
};

use crate::{
    protocol::{Container, Failure, Lower, Overlay, Ready, Setup},
    volumes::{self, Opened, Staged},
};

/// Host devices that every sandbox gets.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Files under `/proc` that describe the whole machine and that nothing in a sandbox needs.
const MASKED: &[&str] = &["kcore", "keys", "key-users", "sysrq-trigger", "timer_list", "kallsyms"];

/// Where changes lie that are kept in memory.
const CHANGES: &str = "changes";

const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Directories opened while the host's own user id still reached them.
pub struct Layers {
    stage: OwnedFd,
    overlays: Vec<OpenOverlay>,
    passed: Vec<OwnedFd>,
}

struct OpenOverlay {
    spec: Overlay,
    lowers: Vec<OpenLower>,
    upper: OwnedFd,
    work: OwnedFd,
}

enum OpenLower {
    Path(OwnedFd),
    Passed(usize),
}

impl Layers {
    /// Opens every layer of the container, in this mount namespace: overlayfs takes no other's.
    pub fn open(directory: &Path, container: &Container, passed: Vec<OwnedFd>) -> Result<Layers, Failure> {
        let mut overlays = Vec::new();
        for overlay in &container.overlays {
            let mut lowers = Vec::new();
            for lower in &overlay.lowers {
                lowers.push(match lower {
                    Lower::Path(path) => {
                        OpenLower::Path(open_directory(&PathBuf::from(OsString::from_vec(path.clone())))?)
                    }
                    Lower::Passed(index) => OpenLower::Passed(*index),
                });
            }
            overlays.push(OpenOverlay {
                lowers,
                upper: open_directory(&directory.join(&overlay.upper))?,
                work: open_directory(&directory.join(&overlay.work))?,
                spec: overlay.clone(),
            });
        }
        Ok(Layers { stage: open_directory(&directory.join("mnt"))?, overlays, passed })
    }
}

/// Builds the root, moves into it and lets go of the host's.
pub fn build(setup: &Setup, layers: Layers, volumes: Vec<Opened>) -> Result<(Ready, Vec<Staged>), Failure> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(at("make mounts private"))?;
    // A mount made by descriptor needs no path: the directory below it is beyond the mapped root's reach.
    let staged = staging_area().map_err(at("make the staging area"))?;
    let both_empty = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(&staged, "", &layers.stage, "", both_empty).map_err(at("mount the staging area"))?;
    rustix::process::fchdir(&staged).map_err(at("enter the staging area"))?;

    let ready = Ready { upper_in_memory: mount_overlays(&layers, setup.container.changes_size)? };
    let volumes = volumes::stage(volumes)?;
    rustix::process::chdir("root").map_err(at("enter the new root"))?;
    populate()?;
    volumes::bind(&volumes)?;
    rustix::process::pivot_root(".", ".").map_err(at("change the root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(at("let go of the host's root"))?;
    rustix::process::chdir("/").map_err(at("enter the new root"))?;
    rustix::process::umask(Mode::from_raw_mode(0o022));

    rustix::system::sethostname(setup.hostname.as_bytes()).map_err(at("set the host name"))?;
    if !setup.join {
        raise_loopback().map_err(Failure::at("bring the loopback interface up"))?;
    }
    let working_dir = &setup.container.working_dir;
    fs::create_dir_all(working_dir).map_err(Failure::at(format!("make the working directory {working_dir:?}")))?;
    Ok((ready, volumes))
}

fn staging_area() -> rustix::io::Result<OwnedFd> {
    let tmpfs = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&tmpfs, "mode", "0755")?;
    rustix::mount::fsconfig_create(&tmpfs)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    rustix::mount::fsmount(&tmpfs, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Whether what is changed lies in memory: because it is to be held to a size, or because the disk cannot carry it.
fn mount_overlays(layers: &Layers, size: Option<u64>) -> Result<bool, Failure> {
    let mut attached = Vec::new();
    for (index, tree) in layers.passed.iter().enumerate() {
        let name = format!("layer{index}");
        make_directory(&name)?;
        rustix::mount::move_mount(tree, "", CWD, &name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(at("attach a passed layer"))?;
        attached.push(open_directory(Path::new(&name))?);
    }
    make_directory("root")?;
    make_directory(CHANGES)?;
    if let Some(size) = size {
        volumes::memory(size, CHANGES).map_err(Failure::at("mount memory for what is changed"))?;
    }
    let mut in_memory = size.is_some();
    for (index, overlay) in layers.overlays.iter().enumerate() {
        let mut lowers = Vec::new();
        for lower in &overlay.lowers {
            lowers.push(match lower {
                OpenLower::Path(directory) => descriptor_path(directory),
                OpenLower::Passed(index) => attached
                    .get(*index)
                    .map(descriptor_path)
                    .ok_or_else(|| Failure { step: format!("find passed layer {index}"), errno: libc::EBADF })?,
            });
        }
        let lowers = lowers.join(":");
        let target = Path::new("root").join(&overlay.spec.target);
        let mounted = match in_memory {
            true => Err(io::ErrorKind::InvalidInput.into()),
            false => mount_overlay(&target, &lowers, &descriptor_path(&overlay.upper), &descriptor_path(&overlay.work)),
        };
        if let Err(error) = mounted {
            // overlayfs takes no upper layer on some file systems (another overlay, network ones); memory always works.
            if !in_memory && error.raw_os_error() != Some(libc::EINVAL) {
                return Err(Failure::at(format!("mount the overlay of /{}", overlay.spec.target))(error));
            }
            in_memory = true;
            let (upper, work) = (format!("{CHANGES}/upper{index}"), format!("{CHANGES}/work{index}"));
            make_directory(&upper)?;
            make_directory(&work)?;
            mount_overlay(&target, &lowers, &upper, &work)
                .map_err(Failure::at(format!("mount the overlay of /{} in memory", overlay.spec.target)))?;
        }
    }
    Ok(in_memory)
}

fn mount_overlay(target: &Path, lowers: &str, upper: &str, work: &str) -> io::Result<()> {
    let options = CString::new(format!("lowerdir={lowers},upperdir={upper},workdir={work},userxattr"))?;
    Ok(mount("overlay", target, "overlay", PLAIN, options.as_c_str())?)
}

/// Fills `dev` and `proc` below the current directory. The layers hold the empty files and directories to mount on.
fn populate() -> Result<(), Failure> {
    let noexec = PLAIN | MountFlags::NOEXEC;
    mount("proc", "proc", "proc", noexec, None).map_err(at("mount /proc"))?;
    for name in DEVICES {
        mount_bind(format!("/dev/{name}"), format!("dev/{name}")).map_err(at(format!("mount /dev/{name}")))?;
    }
    for name in MASKED {
        match mount_bind("/dev/null", format!("proc/{name}")) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(at(format!("mask /proc/{name}"))(error)),
        }
    }
    let terminals = MountFlags::NOSUID | MountFlags::NOEXEC;
    // Group 5 is `tty` everywhere, but a single-id map has no such group.
    mount("devpts", "dev/pts", "devpts", terminals, c"newinstance,ptmxmode=0666,mode=0620,gid=5")
        .or_else(|_| mount("devpts", "dev/pts", "devpts", terminals, c"newinstance,ptmxmode=0666,mode=0620"))
        .map_err(at("mount /dev/pts"))?;
    // Memory that no control group may be counting; half the machine's is the default.
    mount("tmpfs", "dev/shm", "tmpfs", PLAIN, c"mode=1777,size=512m,nr_inodes=64k").map_err(at("mount /dev/shm"))
}

fn raise_loopback() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: an all-zero ifreq is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo\0") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is a live, initialised ifreq, which is what SIOCSIFFLAGS reads.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Opens a directory as a place, not for reading.
pub fn open_directory(path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(at(format!("open {}", path.display())))
}

fn make_directory(name: &str) -> Result<(), Failure> {
    fs::create_dir(name).map_err(Failure::at(format!("make {name} in the staging area")))
}

/// A path that leads to an open directory whatever lies above it, mount options' separators included.
pub fn descriptor_path(descriptor: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", descriptor.as_fd().as_raw_fd())
}

fn at(step: impl Into<String>) -> impl FnOnce(rustix::io::Errno) -> Failure {
    move |errno| Failure { step: step.into(), errno: errno.raw_os_error() }
}
