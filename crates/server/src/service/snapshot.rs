//! File system snapshots: what a scratch volume held at one moment, kept until somebody deletes it. A snapshot is made
//! behind the answer, and the answer waits for it as long as a caller may be expected to.

use std::{sync::Arc, time::Duration, time::SystemTime};

use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Code;

use super::{Api, Problem, deadline::Deadline, pages, view};
use crate::{
    identity,
    runtime::{Instance, TreePlace, VolumeSource},
    store::{Insertion, NewDocument},
    supervisor::Sandbox,
    wire::sandbox::{
        CreateFileSystemSnapshotRequest, DeleteFileSystemSnapshotRequest, FileSystemSnapshot,
        ListFileSystemSnapshotsRequest, ListFileSystemSnapshotsResponse, SnapshotState, SnapshotTrigger,
    },
};

const KIND: &str = "snapshot";
/// How long an answer waits; a snapshot that takes longer is shown as being made.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// What this server's own disk is called where the wire wants a bucket's name.
pub(super) const BUCKET: &str = "local";

/// Which volume of which sandbox, and why.
struct Wanted {
    sandbox: Arc<Sandbox>,
    instance: Arc<dyn Instance>,
    volume: String,
    trigger: SnapshotTrigger,
    request_id: String,
}

impl Api {
    /// Takes a snapshot.
    pub(super) async fn create_snapshot(
        &self,
        request: CreateFileSystemSnapshotRequest,
        deadline: Deadline,
    ) -> Result<FileSystemSnapshot, Problem> {
        let CreateFileSystemSnapshotRequest { sandbox_id, request_id, scratch_volume_name } = request;
        let found = self.find(&sandbox_id)?;
        let volume = scratch_volume(&found, &scratch_volume_name)?;
        if let Some(earlier) = self.replayed(&request_id, &sandbox_id, &volume).await? {
            return Ok(earlier);
        }
        let ready = self.ready(&sandbox_id, "", deadline).await?;
        let trigger = SnapshotTrigger::Manual;
        let wanted = Wanted { sandbox: ready.sandbox, instance: ready.instance, volume, trigger, request_id };
        let (made, work) = self.begin(wanted).await?;
        let Some(work) = work else { return Ok(made) };
        match tokio::time::timeout(ANSWER_WITHIN, work).await {
            Ok(done) => done.map_err(|error| Problem::io("taking the snapshot", &std::io::Error::other(error))),
            Err(_) => Ok(made),
        }
    }

    /// Takes snapshots of a sandbox that is about to be deleted; all of them or none.
    pub(super) async fn snapshot_before_delete(
        &self,
        sandbox: Arc<Sandbox>,
        volumes: &[String],
        request_id: &str,
    ) -> Result<Vec<String>, Problem> {
        let mut names = Vec::new();
        for volume in volumes {
            names.push(scratch_volume(&sandbox, volume)?);
        }
        let own = |volume: &str| if request_id.is_empty() { String::new() } else { format!("{request_id} {volume}") };
        let mut ids = Vec::new();
        for volume in &names {
            ids.extend(
                self.replayed(&own(volume), &sandbox.draft.id, volume).await?.map(|made| made.file_system_snapshot_id),
            );
        }
        if ids.len() == names.len() {
            return Ok(ids);
        }
        let instance = sandbox.ready().await.map_err(|state| Problem::not_running(&sandbox, &state))?;
        let mut works = Vec::new();
        for volume in names {
            let (sandbox, instance, request_id) = (sandbox.clone(), instance.clone(), own(&volume));
            let wanted = Wanted { sandbox, instance, volume, trigger: SnapshotTrigger::OnDelete, request_id };
            works.push(self.begin(wanted).await?);
        }
        let mut made = Vec::new();
        for (begun, work) in works {
            made.push(match work {
                Some(work) => work.await.unwrap_or(begun),
                None => begun,
            });
        }
        if let Some(failed) = made.iter().find(|made| made.state() != SnapshotState::Ready) {
            let text = format!(
                "the sandbox was not deleted, because volume {:?} could not be saved: {}",
                failed.source_volume_name, failed.state_reason
            );
            for snapshot in &made {
                self.forget_snapshot(&snapshot.file_system_snapshot_id).await?;
            }
            return Err(Problem::new(Code::Internal, "CWSANDBOX_FSS_CREATE_FAILED", text));
        }
        Ok(made.into_iter().map(|snapshot| snapshot.file_system_snapshot_id).collect())
    }

    /// One snapshot as it is now.
    pub(super) async fn snapshot(&self, id: &str) -> Result<FileSystemSnapshot, Problem> {
        match self.store().document(KIND, id).await? {
            Some(body) => decode(&body),
            None => Err(not_found(id)),
        }
    }

    /// Snapshots, page by page, the oldest first.
    pub(super) async fn list_snapshots(
        &self,
        request: &ListFileSystemSnapshotsRequest,
    ) -> Result<ListFileSystemSnapshotsResponse, Problem> {
        let mut all = Vec::new();
        for body in self.store().documents(KIND).await? {
            let snapshot = decode(&body)?;
            let source = &request.source_sandbox_id;
            if source.is_empty() || *source == snapshot.source_sandbox_id {
                let made = snapshot.create_time.unwrap_or_default();
                let key = format!("{:020} {:09} {}", made.seconds, made.nanos, snapshot.file_system_snapshot_id);
                all.push((key, snapshot));
            }
        }
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (file_system_snapshots, next_page_token) = pages::page(all, request.page_size, &request.page_token)?;
        Ok(ListFileSystemSnapshotsResponse { file_system_snapshots, next_page_token })
    }

    /// Deletes a snapshot. Sandboxes that were restored from it keep what they have.
    pub(super) async fn delete_snapshot(
        &self,
        request: &DeleteFileSystemSnapshotRequest,
    ) -> Result<FileSystemSnapshot, Problem> {
        let id = &request.file_system_snapshot_id;
        let snapshot = match self.snapshot(id).await {
            Err(_) if request.allow_missing && !id.is_empty() => return Ok(FileSystemSnapshot::default()),
            found => found?,
        };
        self.forget_snapshot(id).await?;
        Ok(FileSystemSnapshot { state: SnapshotState::Deleting.into(), ..snapshot })
    }

    /// After a start: forgets what an earlier server was in the middle of, and removes files that nothing names.
    pub(crate) async fn recover_snapshots(&self) -> Result<(), String> {
        let mut ready = std::collections::HashSet::new();
        for body in self.store().documents(KIND).await.map_err(|error| error.to_string())? {
            let Ok(snapshot) = FileSystemSnapshot::decode(body.as_slice()) else { continue };
            let state = snapshot.state();
            let id = snapshot.file_system_snapshot_id;
            if state == SnapshotState::Creating {
                self.store().remove_document(KIND, &id).await.map_err(|error| error.to_string())?;
            } else {
                ready.insert(id);
            }
        }
        self.bucket().sweep(|id| ready.contains(id)).map_err(|error| format!("the snapshots cannot be swept: {error}"))
    }

    /// What the same request made earlier.
    async fn replayed(
        &self,
        request_id: &str,
        sandbox_id: &str,
        volume: &str,
    ) -> Result<Option<FileSystemSnapshot>, Problem> {
        match self.store().document_of_request(KIND, request_id).await? {
            None => Ok(None),
            Some((digest, body)) if digest == digest_of(sandbox_id, volume) => decode(&body).map(Some),
            Some(_) => Err(Problem::request_id_conflict(request_id, "a snapshot")),
        }
    }

    /// Notes a snapshot as being made and makes it behind the caller, who may go away.
    async fn begin(
        &self,
        wanted: Wanted,
    ) -> Result<(FileSystemSnapshot, Option<tokio::task::JoinHandle<FileSystemSnapshot>>), Problem> {
        let id = identity::uuid_text().map_err(|error| Problem::io("making an id", &error))?;
        let now = Some(view::timestamp(SystemTime::now()));
        let snapshot = FileSystemSnapshot {
            file_system_snapshot_id: format!("fss-{id}"),
            state: SnapshotState::Creating.into(),
            source_sandbox_id: wanted.sandbox.draft.id.clone(),
            trigger: wanted.trigger.into(),
            create_time: now,
            updated_at: now,
            source_volume_name: wanted.volume.clone(),
            object_bucket: BUCKET.to_owned(),
            request_id: wanted.request_id.clone(),
            ..FileSystemSnapshot::default()
        };
        let new = NewDocument {
            kind: KIND,
            id: snapshot.file_system_snapshot_id.clone(),
            request_id: wanted.request_id.clone(),
            request_digest: digest_of(&wanted.sandbox.draft.id, &wanted.volume),
            body: snapshot.encode_to_vec(),
        };
        match self.store().add_document(new).await? {
            Insertion::Added => {}
            Insertion::Replay(body) => return Ok((decode(&body)?, None)),
            Insertion::RequestIdConflict | Insertion::Taken => {
                return Err(Problem::request_id_conflict(&wanted.request_id, "a snapshot"));
            }
        }
        let (api, begun) = (self.clone(), snapshot.clone());
        let work = tokio::spawn(async move { api.make(wanted, begun).await });
        Ok((snapshot, Some(work)))
    }

    async fn make(&self, wanted: Wanted, snapshot: FileSystemSnapshot) -> FileSystemSnapshot {
        let id = snapshot.file_system_snapshot_id.clone();
        let saved = self.save(&wanted, &id).await;
        let now = Some(view::timestamp(SystemTime::now()));
        let done = match saved {
            Ok(bytes) => FileSystemSnapshot {
                state: SnapshotState::Ready.into(),
                size_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                complete_time: now,
                updated_at: now,
                ..snapshot
            },
            Err(reason) => FileSystemSnapshot {
                state: SnapshotState::Failed.into(),
                state_reason: reason,
                updated_at: now,
                ..snapshot
            },
        };
        let body = done.encode_to_vec();
        // Deleted meanwhile stays deleted.
        let noted = self.store().change_document(KIND, &id, move |earlier| earlier.map(|_| body).ok_or(())).await;
        if !matches!(noted, Ok(Ok(_))) {
            let _ = self.bucket().remove(&id);
        }
        done
    }

    /// Writes the volume's tree to a file of the bucket. Returns its size, or why there is none.
    async fn save(&self, wanted: &Wanted, id: &str) -> Result<u64, String> {
        // A few at a time: they compete for one disk.
        let _turn = self.0.snapshots.acquire().await.map_err(|error| error.to_string())?;
        let (draft, file) = self.bucket().begin(id).map_err(|error| format!("no file could be made: {error}"))?;
        let place = TreePlace::Volume(wanted.volume.clone());
        let sum = wanted.instance.save_tree(&place, file).await.map_err(|error| error.to_string())?;
        draft.keep().map_err(|error| format!("the file could not be kept: {error}"))?;
        Ok(sum.bytes)
    }

    async fn forget_snapshot(&self, id: &str) -> Result<(), Problem> {
        // In this order a crash leaves a file that nothing names, and the next start removes it.
        self.store().remove_document(KIND, id).await?;
        self.bucket().remove(id).map_err(|error| Problem::io("removing the snapshot", &error))
    }
}

/// The scratch volume that is meant: the only one where none is named.
fn scratch_volume(sandbox: &Sandbox, name: &str) -> Result<String, Problem> {
    let volumes = &sandbox.draft.plan.volumes;
    let kept = |source: &VolumeSource| matches!(source, VolumeSource::Kept { .. });
    if let Some(volume) = volumes.iter().find(|volume| volume.name == name) {
        if kept(&volume.source) {
            let text = format!(
                "volume {name:?} is a registered one, which outlives the sandbox; only scratch volumes are saved"
            );
            return Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_VOLUME_NOT_SNAPSHOTTABLE", text));
        }
        return Ok(volume.name.clone());
    }
    let scratch: Vec<&str> =
        volumes.iter().filter(|volume| !kept(&volume.source)).map(|volume| volume.name.as_str()).collect();
    match scratch.as_slice() {
        [] => {
            let text = format!("sandbox {} has no scratch volume to save; create it with one", sandbox.draft.id);
            Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_INVALID_REQUEST", text))
        }
        [only] if name.is_empty() => Ok((*only).to_owned()),
        names => Err(Problem::field("scratch_volume_name", format!("must be one of {}", names.join(", ")))),
    }
}

fn digest_of(sandbox_id: &str, volume: &str) -> Vec<u8> {
    Sha256::digest(format!("{sandbox_id} {volume}")).to_vec()
}

fn decode(body: &[u8]) -> Result<FileSystemSnapshot, Problem> {
    FileSystemSnapshot::decode(body).map_err(|error| Problem::io("reading a snapshot", &std::io::Error::other(error)))
}

/// No snapshot with that id.
pub(super) fn not_found(id: &str) -> Problem {
    let text = format!("there is no snapshot {id:?}; it was deleted, or never taken here");
    Problem::new(Code::NotFound, "CWSANDBOX_FSS_NOT_FOUND", text).with("file_system_snapshot_id", id)
}
