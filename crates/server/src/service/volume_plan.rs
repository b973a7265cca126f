//! The volumes of a specification: checked field by field, looked up, and turned into what the runtime mounts.

use std::path::{Component, Path};

use tonic::Code;

use super::{Api, Problem, plan::Faults, quantity, snapshot, volume::Registered};
use crate::{
    runtime::{MountPlan, SandboxPlan, VolumePlan, VolumeSource},
    wire::sandbox::{
        Container, SandboxSpec, SandboxVolume, ScratchVolume, SnapshotState, StorageMedium, VolumeMount,
        sandbox_volume::Source,
    },
};

const MAX_VOLUMES: usize = 16;
/// Below these the kernel shows itself, and nothing else may lie there.
const RESERVED: [&str; 3] = ["/proc", "/dev", "/sys"];

impl Api {
    /// Fills the volumes and where they are seen into a plan.
    pub(super) async fn plan_volumes(&self, spec: &SandboxSpec, plan: &mut SandboxPlan) -> Result<(), Problem> {
        check(spec)?;
        for (index, volume) in spec.volumes.iter().enumerate() {
            let field = format!("sandbox.spec.volumes[{index}]");
            let mut mounts = Vec::new();
            for container in &spec.containers {
                let own = container.volume_mounts.iter().filter(|mount| mount.volume == volume.name);
                mounts.extend(own.map(|mount| (container.name.as_str(), mount_plan(mount))));
            }
            let planned = match &volume.source {
                Some(Source::VolumeId(id)) => {
                    let Registered { key, sub_path, read_only } = self.registered(id).await?;
                    for (_, mount) in &mut mounts {
                        mount.read_only |= read_only;
                        let joined = format!("{sub_path}/{}", mount.sub_path);
                        mount.sub_path = joined.trim_matches('/').to_owned();
                    }
                    VolumePlan { name: volume.name.clone(), source: VolumeSource::Kept { key }, restore: None }
                }
                Some(Source::Scratch(scratch)) => self.scratch(&field, volume, scratch).await?,
                None => self.scratch(&field, volume, &ScratchVolume::default()).await?,
            };
            for (name, mount) in mounts {
                let Some(container) = plan.containers.iter_mut().find(|container| container.name == name) else {
                    continue;
                };
                // Where the server chose memory for a volume, the volume must not eat what the container asked for.
                if let (VolumeSource::Memory { size }, Some(limit)) =
                    (&planned.source, &mut container.limits.memory_bytes)
                    && medium(volume) != StorageMedium::Memory
                {
                    *limit = limit.saturating_add(i64::try_from(*size).unwrap_or(i64::MAX));
                }
                container.mounts.push(mount);
            }
            plan.volumes.push(planned);
        }
        Ok(())
    }

    async fn scratch(
        &self,
        field: &str,
        volume: &SandboxVolume,
        scratch: &ScratchVolume,
    ) -> Result<VolumePlan, Problem> {
        let size = match scratch.size.as_str() {
            "" => None,
            text => {
                let bytes = quantity::memory_bytes(text);
                let bytes =
                    bytes.map_err(|error| Problem::field(format!("{field}.scratch.size"), error.to_string()))?;
                Some(bytes.unsigned_abs())
            }
        };
        let size = size.or(self.0.root_size);
        let source = self.medium(field, scratch.medium(), size)?;
        let mut restore = None;
        if !scratch.restore_from_snapshot_id.is_empty() {
            let id = &scratch.restore_from_snapshot_id;
            let found = self.snapshot(id).await?;
            if found.state() != SnapshotState::Ready {
                let text =
                    format!("snapshot {id} is {}, and only a READY one can be restored", found.state().as_str_name());
                return Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_FSS_NOT_READY", text));
            }
            let bytes = found.size_bytes.unsigned_abs();
            if let Some(size) = size.filter(|size| *size < bytes) {
                let text =
                    format!("{field}.scratch.size: snapshot {id} holds {bytes} bytes, the volume {size}; ask for more");
                return Err(Problem::new(Code::InvalidArgument, "CWSANDBOX_FSS_SIZE_EXCEEDED", text));
            }
            let path = self.bucket().path(id);
            restore = Some(path.exists().then_some(path).ok_or_else(|| snapshot::not_found(id))?);
        }
        Ok(VolumePlan { name: volume.name.clone(), source, restore })
    }

    /// What a scratch volume lies on. A size holds in memory only: directories on a disk have none of their own.
    fn medium(&self, field: &str, medium: StorageMedium, size: Option<u64>) -> Result<VolumeSource, Problem> {
        let machine = self.supervisor().runtime().capabilities().memory_bytes.unsigned_abs();
        match (medium, size) {
            (StorageMedium::Memory, size) => {
                let size = size.unwrap_or(machine / 2);
                if machine > 0 && size > machine {
                    let text =
                        format!("{field}.scratch.size: {size} bytes asked, this machine has {machine}; ask for less");
                    return Err(Problem::new(Code::InvalidArgument, "CWSANDBOX_RESOURCE_CEILING_EXCEEDED", text));
                }
                Ok(VolumeSource::Memory { size })
            }
            (StorageMedium::Unspecified, Some(size)) if size <= machine => Ok(VolumeSource::Memory { size }),
            (_, None) => Ok(VolumeSource::Disk),
            (_, Some(_)) if self.0.allow_unenforced_limits => Ok(VolumeSource::Disk),
            (_, Some(size)) => Err(Problem::unenforceable(format!(
                "{field}.scratch.size: this machine holds a volume to a size in memory only, and has {machine} bytes of it, \
                 not {size}; leave the size out, ask for STORAGE_MEDIUM_MEMORY and less, or start the server with \
                 --allow-unenforced-limits"
            ))),
        }
    }
}

fn medium(volume: &SandboxVolume) -> StorageMedium {
    match &volume.source {
        Some(Source::Scratch(scratch)) => scratch.medium(),
        _ => StorageMedium::Unspecified,
    }
}

fn mount_plan(mount: &VolumeMount) -> MountPlan {
    let VolumeMount { volume, mount_path, read_only, sub_path } = mount;
    let path = Path::new(mount_path).components().collect::<std::path::PathBuf>().to_string_lossy().into_owned();
    MountPlan { volume: volume.clone(), path, sub_path: sub_path.trim_matches('/').to_owned(), read_only: *read_only }
}

/// Every fault at once, as elsewhere in a specification.
fn check(spec: &SandboxSpec) -> Result<(), Problem> {
    let mut faults = Faults::default();
    let field = "sandbox.spec.volumes";
    faults.check(spec.volumes.len() <= MAX_VOLUMES, field, format!("give at most {MAX_VOLUMES}"));
    for (index, volume) in spec.volumes.iter().enumerate() {
        let field = format!("sandbox.spec.volumes[{index}].name");
        let name = &volume.name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let good = !name.is_empty() && name.len() <= 63 && name.bytes().all(plain);
        faults.check(good, &field, "must have 1 to 63 letters, digits, '-', '_' or '.'");
        let again = spec.volumes[..index].iter().any(|earlier| earlier.name == *name);
        faults.check(!again, &field, format!("another volume is named {name:?} already; give each a name of its own"));
        let seen =
            spec.containers.iter().flat_map(|container| &container.volume_mounts).any(|mount| mount.volume == *name);
        faults.check(seen, &field, "no container mounts it; name it in volume_mounts of one, or leave it out");
    }
    for (index, container) in spec.containers.iter().enumerate() {
        check_mounts(&format!("sandbox.spec.containers[{index}].volume_mounts"), spec, container, &mut faults);
    }
    faults.finish()
}

fn check_mounts(field: &str, spec: &SandboxSpec, container: &Container, faults: &mut Faults) {
    let mut taken = Vec::new();
    for (index, mount) in container.volume_mounts.iter().enumerate() {
        let field = |name: &str| format!("{field}[{index}].{name}");
        let known = spec.volumes.iter().any(|volume| volume.name == mount.volume);
        faults.check(known, field("volume"), format!("the sandbox has no volume {:?}", mount.volume));
        let path = Path::new(&mount.mount_path);
        let steps =
            |path: &Path| path.components().all(|step| matches!(step, Component::RootDir | Component::Normal(_)));
        let good = path.is_absolute() && path != Path::new("/") && steps(path) && !mount.mount_path.contains('\0');
        faults.check(good, field("mount_path"), "must be an absolute path other than / and without .. or NUL");
        let reserved = RESERVED.iter().any(|reserved| path.starts_with(reserved));
        faults.check(!reserved, field("mount_path"), "must not lie below /proc, /dev or /sys");
        faults.check(!taken.contains(&path), field("mount_path"), "another volume is mounted there already");
        taken.push(path);
        let sub_path = Path::new(&mount.sub_path);
        let good = !sub_path.is_absolute() && steps(sub_path) && !mount.sub_path.contains('\0');
        faults.check(good, field("sub_path"), "must be a relative path without .. or NUL");
    }
}
