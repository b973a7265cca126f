//! Registered volumes: directories that outlive sandboxes and that several may see.

use std::time::SystemTime;

use super::{given, named, pages};
use crate::{
    client::{self, CallOptions, Client},
    error::{Error, ErrorKind},
    sandbox::time,
    wire::{self, volume_spec::Source},
};

/// A registered volume as the server describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// Its id, which sandboxes name in their volumes.
    pub id: String,
    /// The claim behind it; on one machine, the name of a directory that the server keeps.
    pub claim: String,
    /// The namespace of the claim.
    pub namespace: Option<String>,
    /// The part of the claim that it is; `None` for all of it.
    pub sub_path: Option<String>,
    /// The runner that has it.
    pub runner_id: Option<String>,
    /// However a sandbox mounts it.
    pub read_only: bool,
    /// For people.
    pub description: Option<String>,
    /// Whether it can be mounted.
    pub status: VolumeStatus,
    /// Why it is in that state, where the server says so.
    pub status_reason: Option<String>,
    /// How many sandboxes use it now.
    pub attached_sandboxes: u32,
    /// When it was registered.
    pub created_at: Option<SystemTime>,
    /// When it was changed last.
    pub updated_at: Option<SystemTime>,
}

/// The life of a registered volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolumeStatus {
    /// One that this client does not know.
    #[default]
    Unspecified,
    /// It is being checked.
    Validating,
    /// It can be mounted.
    Ready,
    /// The check failed.
    Error,
    /// It is being removed.
    Deleting,
}

impl VolumeStatus {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Validating => "validating",
            Self::Ready => "ready",
            Self::Error => "error",
            Self::Deleting => "deleting",
        }
    }
}

/// A volume to register.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeSpec {
    /// The claim behind it; on one machine, the name of a directory, which is made when it is missing.
    pub claim: String,
    /// The namespace of the claim.
    pub namespace: Option<String>,
    /// The part of the claim that is meant.
    pub sub_path: Option<String>,
    /// The runner that has it.
    pub runner_id: Option<String>,
    /// However a sandbox mounts it.
    pub read_only: bool,
    /// For people.
    pub description: Option<String>,
}

impl VolumeSpec {
    /// All of a claim.
    pub fn claim(claim: impl Into<String>) -> Self {
        Self { claim: claim.into(), ..Self::default() }
    }

    /// Sets the part of the claim that is meant.
    pub fn sub_path(mut self, path: impl Into<String>) -> Self {
        self.sub_path = Some(path.into());
        self
    }

    /// Sets whether every mount is read-only.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Sets the namespace of the claim.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Sets the runner that has it.
    pub fn runner_id(mut self, id: impl Into<String>) -> Self {
        self.runner_id = Some(id.into());
        self
    }

    /// Sets the words for people.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    fn into_wire(self) -> Result<wire::Volume, Error> {
        let Self { claim, namespace, sub_path, runner_id, read_only, description } = self;
        named("claim", &claim)?;
        let source = Source::Pvc(wire::PvcVolumeSource {
            runner_id: runner_id.unwrap_or_default(),
            namespace: namespace.unwrap_or_default(),
            claim_name: claim,
            sub_path: sub_path.unwrap_or_default(),
        });
        let description = description.unwrap_or_default();
        let spec = wire::VolumeSpec { source: Some(source), read_only, description };
        Ok(wire::Volume { spec: Some(spec), ..Default::default() })
    }
}

/// What to change of a volume; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeChanges {
    /// However a sandbox mounts it from now on.
    pub read_only: Option<bool>,
    /// For people.
    pub description: Option<String>,
}

impl VolumeChanges {
    /// Sets whether every mount is read-only from now on.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = Some(read_only);
        self
    }

    /// Sets the words for people.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

impl Volume {
    /// Registers a volume.
    ///
    /// # Errors
    /// Validation for a wrong claim; volume runner ineligible for a runner that the server lacks; as any call.
    pub async fn create(client: &Client, spec: VolumeSpec) -> Result<Self, Error> {
        let request = wire::CreateVolumeRequest { volume: Some(spec.into_wire()?), request_id: client::request_id()? };
        client.create_volume(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// The volume with this id.
    ///
    /// # Errors
    /// Volume not found; as any call.
    pub async fn get(client: &Client, id: &str) -> Result<Self, Error> {
        named("volumeId", id)?;
        let request = wire::GetVolumeRequest { volume_id: id.to_owned() };
        client.get_volume(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// Every volume, by id.
    ///
    /// # Errors
    /// As any call.
    pub async fn list(client: &Client) -> Result<Vec<Self>, Error> {
        let found = pages::all(|page_token| async move {
            let request = wire::ListVolumesRequest { page_token, ..Default::default() };
            let page = client.list_volumes(request, &CallOptions::default()).await?;
            Ok((page.volumes, page.next_page_token))
        });
        Ok(found.await?.into_iter().map(Self::from_wire).collect())
    }

    /// Changes what is given. Sandboxes that use it already go on as they began.
    ///
    /// # Errors
    /// Validation when nothing is given; volume not found; as any call.
    pub async fn update(client: &Client, id: &str, changes: VolumeChanges) -> Result<Self, Error> {
        named("volumeId", id)?;
        let VolumeChanges { read_only, description } = changes;
        let named = [("spec.read_only", read_only.is_some()), ("spec.description", description.is_some())];
        let paths: Vec<String> = named.iter().filter(|(_, given)| *given).map(|(path, _)| (*path).to_owned()).collect();
        if paths.is_empty() {
            return Err(Error::invalid("changes", "must change something: readOnly or description"));
        }
        let (read_only, description) = (read_only.unwrap_or_default(), description.unwrap_or_default());
        let spec = Some(wire::VolumeSpec { source: None, read_only, description });
        let request = wire::UpdateVolumeRequest {
            volume_id: id.to_owned(),
            volume: Some(wire::Volume { spec, ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths }),
        };
        client.update_volume(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// Forgets a volume; what is in it stays. With `force` even while sandboxes use it, with `missing_ok` an unknown one is
    /// fine.
    ///
    /// # Errors
    /// Volume in use; volume not found; as any call.
    pub async fn delete(client: &Client, id: &str, missing_ok: bool, force: bool) -> Result<(), Error> {
        named("volumeId", id)?;
        let request = wire::DeleteVolumeRequest { volume_id: id.to_owned(), allow_missing: missing_ok, force };
        match client.delete_volume(request, &CallOptions::default()).await {
            Err(error) if missing_ok && error.kind() == ErrorKind::VolumeNotFound => Ok(()),
            deleted => deleted.map(drop),
        }
    }

    /// Has it checked again whether it can be mounted.
    ///
    /// # Errors
    /// Volume not found; as any call.
    pub async fn validate(client: &Client, id: &str) -> Result<Self, Error> {
        named("volumeId", id)?;
        let request = wire::ValidateVolumeRequest { volume_id: id.to_owned() };
        client.validate_volume(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    fn from_wire(volume: wire::Volume) -> Self {
        let spec = volume.spec.unwrap_or_default();
        let status = volume.status.unwrap_or_default();
        let claim = match spec.source {
            Some(Source::Pvc(claim)) => claim,
            None => wire::PvcVolumeSource::default(),
        };
        Self {
            id: volume.volume_id,
            claim: claim.claim_name,
            namespace: given(claim.namespace),
            sub_path: given(claim.sub_path),
            runner_id: given(claim.runner_id),
            read_only: spec.read_only,
            description: given(spec.description),
            status: match status.state() {
                wire::VolumeState::Validating => VolumeStatus::Validating,
                wire::VolumeState::Ready => VolumeStatus::Ready,
                wire::VolumeState::Error => VolumeStatus::Error,
                wire::VolumeState::Deleting => VolumeStatus::Deleting,
                wire::VolumeState::Unspecified => VolumeStatus::Unspecified,
            },
            status_reason: given(status.state_reason),
            attached_sandboxes: u32::try_from(status.attached_sandbox_count).unwrap_or_default(),
            created_at: status.create_time.and_then(time),
            updated_at: status.update_time.and_then(time),
        }
    }
}
