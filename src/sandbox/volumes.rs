//! Directories beside a sandbox's own file system, and where it sees them. Must not know: how they are kept.

use std::collections::BTreeSet;

use crate::{error::Error, process::check_path, wire};

/// The name of the only volume when none is given.
const DEFAULT_NAME: &str = "workspace";

/// A directory that lies beside the sandbox's own file system and is seen at one path of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeOptions {
    /// Absolute path inside; made when missing.
    pub mount_path: String,
    /// Unique in the sandbox. Default: `workspace`, and for further ones the last part of the path.
    pub name: Option<String>,
    /// A registered volume, by its id. Otherwise it is a scratch one, which ends with the sandbox.
    pub volume_id: Option<String>,
    /// Of a scratch volume: the most it may hold, e.g. `1Gi`.
    pub size: Option<String>,
    /// Of a scratch volume: what it lies on. Default: the server's choice.
    pub medium: Option<VolumeMedium>,
    /// Of a scratch volume: the snapshot that it begins with.
    pub snapshot_id: Option<String>,
    /// Nothing can be changed in it.
    pub read_only: bool,
    /// The directory of the volume that is meant, relative. Default: all of it.
    pub sub_path: Option<String>,
}

/// What a scratch volume lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolumeMedium {
    /// The machine's disk.
    Disk,
    /// Memory, which counts as the sandbox's own.
    Memory,
}

impl VolumeOptions {
    /// A scratch volume: it begins empty and ends with the sandbox, but for the snapshots that are taken of it.
    pub fn scratch(mount_path: impl Into<String>) -> Self {
        Self { mount_path: mount_path.into(), ..Self::default() }
    }

    /// A registered volume, which outlives the sandbox.
    pub fn registered(mount_path: impl Into<String>, volume_id: impl Into<String>) -> Self {
        Self { volume_id: Some(volume_id.into()), ..Self::scratch(mount_path) }
    }

    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the most that a scratch volume may hold, e.g. `1Gi`.
    pub fn size(mut self, size: impl Into<String>) -> Self {
        self.size = Some(size.into());
        self
    }

    /// Sets what a scratch volume lies on.
    pub fn medium(mut self, medium: VolumeMedium) -> Self {
        self.medium = Some(medium);
        self
    }

    /// Sets the snapshot that a scratch volume begins with.
    pub fn snapshot(mut self, id: impl Into<String>) -> Self {
        self.snapshot_id = Some(id.into());
        self
    }

    /// Sets whether nothing can be changed in it.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Sets the directory of the volume that is meant.
    pub fn sub_path(mut self, path: impl Into<String>) -> Self {
        self.sub_path = Some(path.into());
        self
    }
}

/// The volumes of the wire, and where the container sees them.
///
/// # Errors
/// Validation, naming the option.
pub(super) fn volumes(asked: Vec<VolumeOptions>) -> Result<(Vec<wire::SandboxVolume>, Vec<wire::VolumeMount>), Error> {
    let (mut volumes, mut mounts, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, volume) in asked.into_iter().enumerate() {
        let VolumeOptions { mount_path, name, volume_id, size, medium, snapshot_id, read_only, sub_path } = volume;
        let field = |name: &str| format!("volumes[{index}].{name}");
        check_path(&field("mountPath"), &mount_path)?;
        let last = mount_path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(DEFAULT_NAME);
        let name = name.unwrap_or_else(|| if index == 0 { DEFAULT_NAME.to_owned() } else { last.to_owned() });
        if name.is_empty() || !names.insert(name.clone()) {
            return Err(Error::invalid(
                field("name"),
                format!("{name:?} is taken or empty; give each a name of its own"),
            ));
        }
        let source = match volume_id {
            Some(id) if id.is_empty() => return Err(Error::invalid(field("volumeId"), "must not be empty")),
            Some(_) if size.is_some() || medium.is_some() || snapshot_id.is_some() => {
                let fix = "rules out size, medium and snapshotId, which are a scratch volume's";
                return Err(Error::invalid(field("volumeId"), fix));
            }
            Some(id) => wire::sandbox_volume::Source::VolumeId(id),
            None => {
                let medium = medium.map_or(wire::StorageMedium::Unspecified, |medium| match medium {
                    VolumeMedium::Disk => wire::StorageMedium::Disk,
                    VolumeMedium::Memory => wire::StorageMedium::Memory,
                });
                if snapshot_id.as_deref() == Some("") {
                    return Err(Error::invalid(
                        field("snapshotId"),
                        "must not be empty; leave it out for an empty volume",
                    ));
                }
                wire::sandbox_volume::Source::Scratch(wire::ScratchVolume {
                    size: size.unwrap_or_default(),
                    medium: medium as i32,
                    restore_from_snapshot_id: snapshot_id.unwrap_or_default(),
                })
            }
        };
        let sub_path = sub_path.unwrap_or_default();
        mounts.push(wire::VolumeMount { volume: name.clone(), mount_path, read_only, sub_path });
        volumes.push(wire::SandboxVolume { name, source: Some(source) });
    }
    Ok((volumes, mounts))
}

/// Names of the volumes that end with the sandbox. One without a source is such a one, too.
pub(super) fn scratch_names(spec: &wire::SandboxSpec) -> Vec<String> {
    let registered =
        |volume: &&wire::SandboxVolume| !matches!(volume.source, Some(wire::sandbox_volume::Source::VolumeId(_)));
    spec.volumes.iter().filter(registered).map(|volume| volume.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_named_and_mounted() {
        let asked = vec![
            VolumeOptions::scratch("/workspace").size("1Gi"),
            VolumeOptions::registered("/mnt/data/", "vol-1").read_only(true).sub_path("a"),
        ];
        let (volumes, mounts) = volumes(asked).unwrap();
        let names: Vec<_> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        assert_eq!(names, ["workspace", "data"]);
        assert_eq!((mounts[1].volume.as_str(), mounts[1].sub_path.as_str(), mounts[1].read_only), ("data", "a", true));
        let spec = wire::SandboxSpec { volumes, ..Default::default() };
        assert_eq!(scratch_names(&spec), ["workspace"]);
    }

    #[test]
    fn wrong_volumes_are_refused_by_name() {
        let field = |asked: Vec<VolumeOptions>| volumes(asked).unwrap_err().field_violations()[0].field.clone();
        assert_eq!(field(vec![VolumeOptions::scratch("workspace")]), "volumes[0].mountPath");
        let twice = vec![VolumeOptions::scratch("/a"), VolumeOptions::scratch("/b").name("workspace")];
        assert_eq!(field(twice), "volumes[1].name");
        assert_eq!(field(vec![VolumeOptions::registered("/a", "v").size("1Gi")]), "volumes[0].volumeId");
        assert_eq!(field(vec![VolumeOptions::scratch("/a").snapshot("")]), "volumes[0].snapshotId");
    }
}
