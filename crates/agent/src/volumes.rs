//! Volumes: directories that lie beside the sandbox's root and are seen in it where somebody asked for them.
//!
//! Opened by stage 0, put together in the staging area by process one, then bound into the root before it becomes the
//! root. What lies in a volume may come from another sandbox, so no name in it is trusted to be what it says.
//! Must not know: overlays, requests.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat2},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, mount_bind, mount_remount, move_mount,
    },
};

use crate::{
    protocol::{Failure, Volume, VolumeMount, VolumeSource},
    root::{descriptor_path, open_directory},
    tree,
};

/// A volume on its way into the sandbox.
pub struct Opened {
    spec: Volume,
    directory: Option<OwnedFd>,
    saved: Option<OwnedFd>,
}

/// Opens the host directories while the host's own user id still reaches them. `passed` begins with the mounts and ends
/// with the files to restore from, which are taken out of it.
pub fn open(volumes: &[Volume], passed: &mut Vec<OwnedFd>) -> Result<Vec<Opened>, Failure> {
    let wanted = volumes.iter().filter(|volume| volume.restore).count();
    let first = passed.len().checked_sub(wanted);
    let first = first.ok_or_else(|| Failure { step: "receive the volumes' contents".into(), errno: libc::EBADF })?;
    let mut files = passed.split_off(first).into_iter();
    let mut opened = Vec::new();
    for volume in volumes {
        let directory = match &volume.source {
            VolumeSource::Directory(path) => Some(open_directory(&PathBuf::from(OsString::from_vec(path.clone())))?),
            _ => None,
        };
        let saved = if volume.restore { files.next() } else { None };
        opened.push(Opened { spec: volume.clone(), directory, saved });
    }
    Ok(opened)
}

/// A volume in the staging area.
pub struct Staged {
    /// Its root directory, through which it can be changed wherever it is seen read-only.
    pub root: OwnedFd,
    mounts: Vec<VolumeMount>,
    /// Mounts of memory that further containers will want to see, too.
    copies: Vec<OwnedFd>,
}

impl Staged {
    /// The mounts to send to the server.
    pub fn copies(&self) -> &[OwnedFd] {
        &self.copies
    }
}

/// Attaches every volume in the current directory, the staging area, and fills those that are to be filled.
pub fn stage(volumes: Vec<Opened>) -> Result<Vec<Staged>, Failure> {
    let stage_one = |(index, volume): (usize, Opened)| {
        let name = format!("volume{index}");
        let at = |what: &str| Failure::at(format!("{what} volume {index}"));
        fs::create_dir(&name).map_err(at("stage"))?;
        let mut copies = Vec::new();
        match &volume.spec.source {
            VolumeSource::Directory(_) => {
                let directory = volume.directory.as_ref().map(descriptor_path).unwrap_or_default();
                mount_bind(directory, &name).map_err(io::Error::from).map_err(at("attach"))?;
            }
            // The layers were attached under these names.
            VolumeSource::Passed(layer) => {
                mount_bind(format!("layer{layer}"), &name).map_err(io::Error::from).map_err(at("attach"))?;
            }
            VolumeSource::Memory { size, copies: wanted } => {
                memory(*size, &name).map_err(at("make"))?;
                for _ in 0..*wanted {
                    copies.push(crate::idmap::clone(Path::new(&name)).map_err(at("share"))?);
                }
            }
        }
        let plain = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(&name, plain, "").map_err(io::Error::from).map_err(at("restrict"))?;
        let root = open_directory(Path::new(&name))?;
        if let Some(saved) = volume.saved {
            let inner =
                rustix::fs::openat(CWD, &name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
            let inner = inner.map_err(io::Error::from).map_err(at("open"))?;
            tree::restore(inner, File::from(saved)).map_err(|error| Failure {
                step: format!("restore volume {index} ({error})"),
                errno: error.raw_os_error().unwrap_or(libc::EBADMSG),
            })?;
        }
        Ok(Staged { root, mounts: volume.spec.mounts, copies })
    };
    volumes.into_iter().enumerate().map(stage_one).collect()
}

/// Binds the volumes into the current directory, the new root.
pub fn bind(volumes: &[Staged]) -> Result<(), Failure> {
    let mut mounts: Vec<(&Staged, &VolumeMount)> =
        volumes.iter().flat_map(|volume| volume.mounts.iter().map(move |mount| (volume, mount))).collect();
    // Outer ones first, or they would hide the inner ones.
    mounts.sort_by_key(|(_, mount)| Path::new(&mount.target).components().count());
    for (volume, mount) in mounts {
        let failed = |error: io::Error| Failure::at(format!("mount a volume on {:?}", mount.target))(error);
        let source = make(&volume.root, Path::new(&mount.sub_path), Links::Refused).map_err(failed)?;
        let root = open_directory(Path::new("."))?;
        let target = make(&root, Path::new(&mount.target), Links::Inside).map_err(failed)?;
        mount_bind(descriptor_path(&source), descriptor_path(&target)).map_err(io::Error::from).map_err(failed)?;
        let mut flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV;
        flags.set(MountFlags::RDONLY, mount.read_only);
        // The descriptor still names what lies below the new mount; opened anew it names the mount.
        let mounted = make(&root, Path::new(&mount.target), Links::Inside).map_err(failed)?;
        mount_remount(descriptor_path(&mounted), flags, "").map_err(io::Error::from).map_err(failed)?;
    }
    Ok(())
}

/// What a link on the way means.
#[derive(Clone, Copy)]
enum Links {
    /// It is followed as if the starting directory were the root.
    Inside,
    /// Somebody laid a trap.
    Refused,
}

/// Opens a directory below another one, and makes what is missing of it.
fn make(from: &OwnedFd, path: &Path, links: Links) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::NO_MAGICLINKS
        | match links {
            Links::Inside => ResolveFlags::IN_ROOT,
            Links::Refused => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut done = PathBuf::from(".");
    let mut at = openat2(from, &done, flags, Mode::empty(), resolve)?;
    for step in path.components() {
        let Component::Normal(name) = step else {
            match step {
                Component::RootDir | Component::CurDir => continue,
                _ => return Err(Errno::INVAL.into()),
            }
        };
        done.push(name);
        at = match openat2(from, &done, flags, Mode::empty(), resolve) {
            Err(Errno::NOENT) => {
                mkdirat(&at, name, Mode::from_raw_mode(0o755))?;
                openat2(from, &done, flags, Mode::empty(), resolve)?
            }
            opened => opened?,
        };
    }
    Ok(at)
}

/// Mounts memory on `name`. Names cost memory, too, so there is a limit to them: one for each page and some.
pub fn memory(size: u64, name: &str) -> io::Result<()> {
    let tmpfs = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&tmpfs, "mode", "0755")?;
    rustix::mount::fsconfig_set_string(&tmpfs, "size", size.to_string())?;
    rustix::mount::fsconfig_set_string(&tmpfs, "nr_inodes", (size / 4096 + 4096).to_string())?;
    rustix::mount::fsconfig_create(&tmpfs)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let mount = rustix::mount::fsmount(&tmpfs, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    Ok(move_mount(mount.as_fd(), "", CWD, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}
