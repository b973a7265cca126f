//! Registered volumes: directories of this machine that outlive sandboxes. A claim of the wire is such a directory's name;
//! it is made when it is registered for the first time, and stays when the registration goes.

use std::time::SystemTime;

use prost::Message;
use sha2::{Digest, Sha256};
use tonic::{Code, Request, Response, Status};

use super::{Api, Problem, pages, view};
use crate::{
    identity,
    store::{Insertion, NewDocument},
    supervisor::Sandbox,
    wire::sandbox::{
        self as wire, PvcVolumeSource, SandboxSpec, Volume, VolumeLocality, VolumeSpec, VolumeState, VolumeStatus,
        sandbox_volume, volume_service_server::VolumeService, volume_spec::Source,
    },
};

const KIND: &str = "volume";
/// Claims without a namespace are in this one.
const NAMESPACE: &str = "default";

/// What a sandbox needs to know of a registered volume.
pub(super) struct Registered {
    /// The directory's name.
    pub key: String,
    /// The part of it that is the volume; empty for all of it.
    pub sub_path: String,
    /// However it is mounted.
    pub read_only: bool,
}

impl Api {
    /// A volume that a sandbox asks for.
    pub(super) async fn registered(&self, id: &str) -> Result<Registered, Problem> {
        let volume = self.volume(id).await?;
        let status = volume.status.unwrap_or_default();
        if status.state() != VolumeState::Ready {
            let text = format!("volume {id} is {} ({})", status.state().as_str_name(), status.state_reason);
            return Err(
                Problem::new(Code::FailedPrecondition, "CWSANDBOX_VOLUME_NOT_READY", text).with("volume_id", id)
            );
        }
        let spec = volume.spec.unwrap_or_default();
        let claim = claim(&spec)?;
        Ok(Registered { key: key(claim), sub_path: claim.sub_path.clone(), read_only: spec.read_only })
    }

    /// The registered volumes that a sandbox uses.
    pub(super) fn attached(spec: &SandboxSpec) -> impl Iterator<Item = &str> {
        spec.volumes.iter().filter_map(|volume| match &volume.source {
            Some(sandbox_volume::Source::VolumeId(id)) => Some(id.as_str()),
            _ => None,
        })
    }

    /// Whether a sandbox uses one of these volumes.
    pub(super) fn uses(sandbox: &Sandbox, ids: &[String]) -> bool {
        let spec = SandboxSpec::decode(sandbox.draft.spec.clone()).unwrap_or_default();
        Self::attached(&spec).any(|own| ids.iter().any(|id| id == own))
    }

    async fn volume(&self, id: &str) -> Result<Volume, Problem> {
        match self.store().document(KIND, id).await? {
            Some(body) => decode(&body),
            None => Err(not_found(id)),
        }
    }

    /// With the part of the status that changes by itself.
    fn shown(&self, mut volume: Volume) -> Volume {
        let ids = [volume.volume_id.clone()];
        let users = self.users(&ids);
        if let Some(status) = &mut volume.status {
            status.attached_sandbox_count = i32::try_from(users).unwrap_or(i32::MAX);
        }
        volume
    }

    fn users(&self, ids: &[String]) -> usize {
        let all = self.supervisor().list();
        all.iter().filter(|sandbox| !sandbox.snapshot().state.is_terminal() && Self::uses(sandbox, ids)).count()
    }

    fn check_volume(&self, spec: &VolumeSpec) -> Result<(), Problem> {
        let claim = claim(spec)?;
        let field = |name: &str| format!("volume.spec.pvc.{name}");
        let plain = |name: &str| {
            (1..=63).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
                && !name.starts_with('.')
        };
        let fix = "must have 1 to 63 of a-z, 0-9, '-' and '.'";
        if !plain(&claim.claim_name) {
            return Err(Problem::field(field("claim_name"), fix));
        }
        if !claim.namespace.is_empty() && !plain(&claim.namespace) {
            return Err(Problem::field(field("namespace"), fix));
        }
        let steps = claim.sub_path.split('/').all(|step| step != ".." && step != ".");
        if claim.sub_path.starts_with('/') || claim.sub_path.contains('\0') || !steps {
            return Err(Problem::field(field("sub_path"), "must be a relative path without . and .."));
        }
        if claim.runner_id.is_empty() || claim.runner_id == self.0.runner_id {
            return Ok(());
        }
        let text =
            format!("volume.spec.pvc.runner_id: the only runner here is {:?}; name it or none", self.0.runner_id);
        Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_VOLUME_RUNNER_INELIGIBLE", text))
    }

    /// Makes the directory where it is missing; the state is what came of it.
    async fn validated(&self, spec: &VolumeSpec, made: Option<VolumeStatus>) -> Result<VolumeStatus, Problem> {
        let now = Some(view::timestamp(SystemTime::now()));
        let readied = self.supervisor().runtime().create_volume(&key(claim(spec)?)).await;
        let (state, state_reason) = match readied {
            Ok(()) => (VolumeState::Ready, String::new()),
            Err(error) => (VolumeState::Error, error.to_string()),
        };
        Ok(VolumeStatus {
            state: state.into(),
            state_reason,
            locality: VolumeLocality::ClusterLocal.into(),
            create_time: made.and_then(|status| status.create_time).or(now),
            update_time: now,
            last_validated_time: now,
            access_modes: vec!["ReadWriteMany".to_owned()],
            ..VolumeStatus::default()
        })
    }

    async fn replace_volume(&self, id: &str, new: Volume) -> Result<Volume, Problem> {
        let (missing, body) = (id.to_owned(), new.encode_to_vec());
        let changed = self.store().change_document(KIND, id, move |old| old.map(|_| body).ok_or(missing)).await?;
        changed.map(|_| self.shown(new)).map_err(|id| not_found(&id))
    }
}

#[tonic::async_trait]
impl VolumeService for Api {
    async fn create_volume(&self, request: Request<wire::CreateVolumeRequest>) -> Result<Response<Volume>, Status> {
        let wire::CreateVolumeRequest { volume, request_id } = request.into_inner();
        let spec = volume.and_then(|volume| volume.spec).ok_or_else(|| Problem::field("volume.spec", "must be set"))?;
        self.check_volume(&spec)?;
        let id = identity::uuid_text().map_err(|error| Problem::io("making an id", &error))?;
        let request_digest = Sha256::digest(spec.encode_to_vec()).to_vec();
        let status = Some(self.validated(&spec, None).await?);
        let made = Volume { volume_id: format!("vol-{id}"), spec: Some(spec), status };
        let (id, body) = (made.volume_id.clone(), made.encode_to_vec());
        let new = NewDocument { kind: KIND, id, request_id: request_id.clone(), request_digest, body };
        let made = match self.store().add_document(new).await.map_err(Problem::from)? {
            Insertion::Added => made,
            Insertion::Replay(body) => decode(&body)?,
            _ => return Err(Problem::request_id_conflict(&request_id, "a volume").into()),
        };
        Ok(Response::new(self.shown(made)))
    }

    async fn get_volume(&self, request: Request<wire::GetVolumeRequest>) -> Result<Response<Volume>, Status> {
        Ok(Response::new(self.shown(self.volume(&request.get_ref().volume_id).await?)))
    }

    async fn list_volumes(
        &self,
        request: Request<wire::ListVolumesRequest>,
    ) -> Result<Response<wire::ListVolumesResponse>, Status> {
        let request = request.into_inner();
        let mut all = Vec::new();
        let here = request.runner_ids.is_empty() || request.runner_ids.contains(&self.0.runner_id);
        for body in self.store().documents(KIND).await.map_err(Problem::from)? {
            let volume = decode(&body)?;
            let state = volume.status.as_ref().map_or(0, |status| status.state);
            if here && (request.states.is_empty() || request.states.contains(&state)) {
                all.push((volume.volume_id.clone(), self.shown(volume)));
            }
        }
        let (volumes, next_page_token) = pages::page(all, request.page_size, &request.page_token)?;
        Ok(Response::new(wire::ListVolumesResponse { volumes, next_page_token }))
    }

    async fn update_volume(&self, request: Request<wire::UpdateVolumeRequest>) -> Result<Response<Volume>, Status> {
        let wire::UpdateVolumeRequest { volume_id, volume, update_mask } = request.into_inner();
        let asked = volume.ok_or_else(|| Problem::field("volume", "must be set"))?;
        let id = if volume_id.is_empty() { asked.volume_id.clone() } else { volume_id };
        let mut volume = self.volume(&id).await?;
        let asked = asked.spec.unwrap_or_default();
        let spec = volume.spec.get_or_insert_default();
        for path in update_mask.unwrap_or_default().paths {
            match path.as_str() {
                "spec.description" => spec.description.clone_from(&asked.description),
                "spec.read_only" => spec.read_only = asked.read_only,
                other => {
                    let fix = format!("{other:?} cannot be changed; spec.description and spec.read_only can");
                    return Err(Problem::field("update_mask", fix).into());
                }
            }
        }
        if let Some(status) = &mut volume.status {
            status.update_time = Some(view::timestamp(SystemTime::now()));
        }
        Ok(Response::new(self.replace_volume(&id, volume).await?))
    }

    async fn delete_volume(&self, request: Request<wire::DeleteVolumeRequest>) -> Result<Response<Volume>, Status> {
        let wire::DeleteVolumeRequest { volume_id, allow_missing, force } = request.into_inner();
        let volume = match self.volume(&volume_id).await {
            Err(_) if allow_missing && !volume_id.is_empty() => return Ok(Response::new(Volume::default())),
            found => found?,
        };
        let users = self.users(std::slice::from_ref(&volume_id));
        if users > 0 && !force {
            let text = format!("volume {volume_id} is used by {users} sandboxes; stop them, or set force");
            let problem = Problem::new(Code::FailedPrecondition, "CWSANDBOX_VOLUME_IN_USE", text);
            return Err(problem.with("volume_id", volume_id).into());
        }
        self.store().remove_document(KIND, &volume_id).await.map_err(Problem::from)?;
        let mut volume = self.shown(volume);
        if let Some(status) = &mut volume.status {
            status.state = VolumeState::Deleting.into();
        }
        Ok(Response::new(volume))
    }

    async fn validate_volume(&self, request: Request<wire::ValidateVolumeRequest>) -> Result<Response<Volume>, Status> {
        let id = request.into_inner().volume_id;
        let mut volume = self.volume(&id).await?;
        let spec = volume.spec.clone().unwrap_or_default();
        volume.status = Some(self.validated(&spec, volume.status.take()).await?);
        Ok(Response::new(self.replace_volume(&id, volume).await?))
    }
}

fn claim(spec: &VolumeSpec) -> Result<&PvcVolumeSource, Problem> {
    match &spec.source {
        Some(Source::Pvc(claim)) => Ok(claim),
        None => {
            let text = "volume.spec.pvc: must be set; a claim here is the name of a directory that this server keeps";
            Err(Problem::new(Code::InvalidArgument, "CWSANDBOX_VOLUME_TYPE_NOT_SUPPORTED", text))
        }
    }
}

/// A namespace never holds the separator, so no two claims share a directory.
fn key(claim: &PvcVolumeSource) -> String {
    let namespace = if claim.namespace.is_empty() { NAMESPACE } else { &claim.namespace };
    format!("{namespace}@{}", claim.claim_name)
}

fn decode(body: &[u8]) -> Result<Volume, Problem> {
    Volume::decode(body).map_err(|error| Problem::io("reading a volume", &std::io::Error::other(error)))
}

fn not_found(id: &str) -> Problem {
    let text = format!("there is no volume {id:?}; register it with CreateVolume, or list them");
    Problem::new(Code::NotFound, "CWSANDBOX_VOLUME_NOT_FOUND", text).with("volume_id", id)
}
