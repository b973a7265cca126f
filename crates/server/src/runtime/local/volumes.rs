//! Volumes on their way to the agent: directories made, mounts mapped, saved trees opened; and the directories that stay
//! when sandboxes go.
//! Must not know: tokio, how a volume is mounted.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::DirBuilderExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use jetway_agent::{
    idmap,
    protocol::{self, VolumeMount},
};

use super::{Site, birth::context, container, record::Home};
use crate::runtime::{ContainerPlan, MountPlan, RuntimeError, SandboxPlan, VolumePlan, VolumeSource};

/// Slowest pace at which a saved tree comes back, in bytes a second: what a birth may take longer for it.
const SLOWEST: u64 = 4 << 20;

/// A sandbox's volumes during its birth.
pub struct Volumes {
    all: Vec<Made>,
    /// Whether the first container has them.
    founded: bool,
}

struct Made {
    plan: VolumePlan,
    /// Its directory on the host, unless it lies in memory.
    directory: Option<PathBuf>,
    /// Mounts of its memory for the containers after the first.
    copies: VecDeque<OwnedFd>,
    /// How many of them there are to be.
    wanted: usize,
    /// Its directory belongs to the ids of no sandbox, and each sees it as its own.
    mapped: bool,
}

/// What one container gets of them.
pub struct Share {
    /// For its agent.
    pub setup: Vec<protocol::Volume>,
    mapped: Vec<Passed>,
    saved: Vec<File>,
}

enum Passed {
    Mapped(PathBuf),
    Copy(OwnedFd),
}

impl Volumes {
    /// Makes the directories of `plan`'s volumes. `block` is what the sandbox's ids are mapped to.
    pub fn make(site: &Site, plan: &SandboxPlan, home: &Home, block: Option<u32>) -> Result<Volumes, RuntimeError> {
        let make = |(index, volume): (usize, &VolumePlan)| {
            let directory = match &volume.source {
                VolumeSource::Memory { .. } => None,
                VolumeSource::Disk => {
                    let path = home.path().join(format!("volume{index}"));
                    container::make_owned(&path, block).map_err(context("make a volume's directory"))?;
                    Some(path)
                }
                VolumeSource::Kept { key } => {
                    let path = site.kept.join(key);
                    Some(path.is_dir().then_some(path).ok_or_else(|| missing(volume))?)
                }
            };
            let sees = |container: &&ContainerPlan| container.mounts.iter().any(|mount| mount.volume == volume.name);
            Ok::<Made, RuntimeError>(Made {
                plan: volume.clone(),
                mapped: block.is_some() && matches!(volume.source, VolumeSource::Kept { .. }),
                wanted: plan.containers.iter().skip(1).filter(sees).count(),
                copies: VecDeque::new(),
                directory,
            })
        };
        let all = plan.volumes.iter().enumerate().map(make).collect::<Result<_, _>>()?;
        Ok(Volumes { all, founded: false })
    }

    /// What the next container gets. The mounts that are passed to its agent begin with `layers` others. The first one
    /// gets every volume, and fills them; the others get what they see.
    pub fn share(&mut self, container: &ContainerPlan, layers: usize) -> Result<Share, RuntimeError> {
        let first = !std::mem::replace(&mut self.founded, true);
        let mut share = Share { setup: Vec::new(), mapped: Vec::new(), saved: Vec::new() };
        for made in &mut self.all {
            let mounts = container.mounts.iter().filter(|mount| mount.volume == made.plan.name);
            let mounts: Vec<_> = mounts.map(seen).collect();
            if !first && mounts.is_empty() {
                continue;
            }
            let next = layers + share.mapped.len();
            let source = match (&made.plan.source, &made.directory) {
                (VolumeSource::Memory { size }, _) if first => {
                    protocol::VolumeSource::Memory { size: *size, copies: made.wanted }
                }
                (_, Some(path)) if made.mapped => {
                    share.mapped.push(Passed::Mapped(path.clone()));
                    protocol::VolumeSource::Passed(next)
                }
                (_, Some(path)) => protocol::VolumeSource::Directory(path.as_os_str().as_bytes().to_vec()),
                (_, None) => {
                    let copy = made.copies.pop_front();
                    share.mapped.push(Passed::Copy(copy.ok_or_else(|| missing(&made.plan))?));
                    protocol::VolumeSource::Passed(next)
                }
            };
            let restore = first && made.plan.restore.is_some();
            if let Some(path) = made.plan.restore.as_ref().filter(|_| first) {
                share.saved.push(File::open(path).map_err(context("open the snapshot to restore"))?);
            }
            share.setup.push(protocol::Volume { source, mounts, restore });
        }
        Ok(share)
    }

    /// Takes in what the first container's agent made for the others.
    pub fn take(&mut self, mut copies: impl FnMut() -> Option<OwnedFd>) {
        for made in self.all.iter_mut().filter(|made| matches!(made.plan.source, VolumeSource::Memory { .. })) {
            made.copies.extend((made.copies.len()..made.wanted).map_while(|_| copies()));
        }
    }
}

impl Share {
    /// How much longer the birth may take for what is restored.
    pub fn patience(&self) -> Duration {
        let bytes = self.saved.iter().filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum::<u64>();
        Duration::from_secs(bytes / SLOWEST)
    }

    /// The mounts and files to pass to the agent behind its layers.
    pub fn descriptors(self, namespace: impl AsFd + Copy) -> Result<Vec<OwnedFd>, RuntimeError> {
        let mounts = self.mapped.into_iter().map(|passed| match passed {
            Passed::Mapped(path) => idmap::clone_mapped(&path, namespace),
            Passed::Copy(mount) => Ok(mount),
        });
        let mounts: io::Result<Vec<OwnedFd>> = mounts.collect();
        let mut all = mounts.map_err(context(
            "map a registered volume's ids (the data directory's file system must support idmapped mounts)",
        ))?;
        all.extend(self.saved.into_iter().map(OwnedFd::from));
        Ok(all)
    }
}

fn seen(mount: &MountPlan) -> VolumeMount {
    let MountPlan { volume: _, path, sub_path, read_only } = mount;
    VolumeMount { target: path.clone(), sub_path: sub_path.clone(), read_only: *read_only }
}

fn missing(volume: &VolumePlan) -> RuntimeError {
    let source = io::Error::new(io::ErrorKind::NotFound, format!("the directory of volume {:?} is gone", volume.name));
    RuntimeError::Io { context: "find a registered volume".into(), source }
}

/// Makes a directory that stays, if it is not there yet.
pub fn create(kept: &Path, key: &str) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(kept)?;
    match fs::create_dir(kept.join(key)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
