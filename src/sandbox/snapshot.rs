//! What a scratch volume held at one moment, kept until somebody deletes it; and sandboxes that begin where another is.
//! Must not know: how a server keeps it.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use super::{Sandbox, info::time, volumes::scratch_names};
use crate::{
    client::{self, CallOptions, Client, Creation},
    error::{Error, ErrorKind},
    platform::{now, sleep},
    wire,
};

/// How long one call about a snapshot may take: the server may make all of it before it answers.
const CALL: Duration = Duration::from_secs(60);
/// How long a snapshot may take when nobody says otherwise.
pub const DEFAULT_SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(600);
const FIRST_INTERVAL: Duration = Duration::from_millis(200);
const LONGEST_INTERVAL: Duration = Duration::from_secs(2);

/// A snapshot as the server describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its id, by which a volume is restored from it.
    pub id: String,
    /// Whether it can be restored.
    pub status: SnapshotStatus,
    /// Why it is in that state, where the server says so.
    pub status_reason: Option<String>,
    /// Bytes of the files in it.
    pub size_bytes: u64,
    /// The sandbox that it was taken of.
    pub source_sandbox_id: String,
    /// The volume that it was taken of.
    pub source_volume: String,
    /// What made it.
    pub trigger: SnapshotTrigger,
    /// Where it is kept.
    pub bucket: Option<String>,
    /// When it was asked for.
    pub created_at: Option<SystemTime>,
    /// When it was whole.
    pub completed_at: Option<SystemTime>,
}

/// The life of a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotStatus {
    /// One that this client does not know.
    #[default]
    Unspecified,
    /// It is being made.
    Creating,
    /// It can be restored.
    Ready,
    /// It could not be made.
    Failed,
    /// It is being removed.
    Deleting,
}

impl SnapshotStatus {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

/// What made a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotTrigger {
    /// One that this client does not know.
    #[default]
    Unspecified,
    /// Somebody asked for it.
    Manual,
    /// The end of its sandbox.
    OnDelete,
}

impl SnapshotTrigger {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Manual => "manual",
            Self::OnDelete => "onDelete",
        }
    }
}

/// How to take a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotOptions {
    /// Which scratch volume, by name. Default: the only one.
    pub volume: Option<String>,
    /// How long it may take. Default: [`DEFAULT_SNAPSHOT_TIMEOUT`].
    pub timeout: Option<Duration>,
}

impl SnapshotOptions {
    /// Sets which scratch volume.
    pub fn volume(mut self, name: impl Into<String>) -> Self {
        self.volume = Some(name.into());
        self
    }

    /// Sets how long it may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl Sandbox {
    /// Takes a snapshot of a scratch volume and waits until it is whole. Files that change meanwhile are saved as they are
    /// met.
    ///
    /// # Errors
    /// Validation where it is not clear which volume; sandbox not running; snapshot, when it failed; snapshot wait timeout;
    /// as any call.
    pub async fn snapshot(&self, options: SnapshotOptions) -> Result<Snapshot, Error> {
        let sandbox_id = self.start().await?;
        self.wait(None).await?;
        let request = wire::CreateFileSystemSnapshotRequest {
            sandbox_id,
            request_id: client::request_id()?,
            scratch_volume_name: options.volume.unwrap_or_default(),
        };
        let timeout = options.timeout.unwrap_or(DEFAULT_SNAPSHOT_TIMEOUT);
        let begun = now();
        let client = self.client();
        let made = client.create_snapshot(request, &CallOptions::timeout(timeout.min(CALL))).await?;
        let mut snapshot = Snapshot::from_wire(made);
        let mut interval = FIRST_INTERVAL;
        loop {
            match snapshot.status {
                SnapshotStatus::Ready => return Ok(snapshot),
                SnapshotStatus::Failed => {
                    let why = snapshot.status_reason.as_deref().unwrap_or("the server does not say why");
                    let text = format!("snapshot {} failed: {why}", snapshot.id);
                    return Err(Error::new(ErrorKind::Snapshot, text));
                }
                _ if begun.elapsed() >= timeout => {
                    let text =
                        format!("snapshot {} was not ready after {timeout:?}; it is still being made", snapshot.id);
                    return Err(Error::new(ErrorKind::SnapshotWaitTimeout, text));
                }
                _ => {}
            }
            sleep(interval).await;
            interval = (interval * 3 / 2).min(LONGEST_INTERVAL);
            snapshot = Snapshot::get(client, &snapshot.id).await?;
        }
    }

    /// A new sandbox that begins where this one is: the same specification, its scratch volumes as they are now. Files
    /// outside of volumes and running processes are not taken along.
    ///
    /// # Errors
    /// Validation when there is no scratch volume; as [`Self::snapshot`] and [`Self::create`].
    pub async fn fork(&self) -> Result<Self, Error> {
        let id = self.start().await?;
        self.wait(None).await?;
        let described = self.client().get_sandbox(&id, &CallOptions::default()).await?;
        let mut spec = described.spec.unwrap_or_default();
        let names = scratch_names(&spec);
        if names.is_empty() {
            let fix = "only sandboxes with a scratch volume can be forked; create it with `volumes`";
            return Err(Error::invalid("volumes", fix));
        }
        let mut taken = Vec::new();
        let forked = self.fork_into(&mut spec, names, described.display_name, &mut taken).await;
        // They were means to an end; the new sandbox has their contents, or nobody will.
        for id in taken {
            let removed = Snapshot::delete(self.client(), &id, true).await;
            if let (Err(error), true) = (removed, forked.is_ok()) {
                return Err(error);
            }
        }
        forked
    }

    async fn fork_into(
        &self,
        spec: &mut wire::SandboxSpec,
        names: Vec<String>,
        display_name: String,
        taken: &mut Vec<String>,
    ) -> Result<Self, Error> {
        for name in names {
            let snapshot = self.snapshot(SnapshotOptions::default().volume(name.clone())).await?;
            let Some(volume) = spec.volumes.iter_mut().find(|volume| volume.name == name) else { continue };
            let source = volume.source.get_or_insert(wire::sandbox_volume::Source::Scratch(Default::default()));
            if let wire::sandbox_volume::Source::Scratch(scratch) = source {
                scratch.restore_from_snapshot_id.clone_from(&snapshot.id);
            }
            taken.push(snapshot.id);
        }
        let sandbox = Some(wire::Sandbox { spec: Some(std::mem::take(spec)), display_name, ..Default::default() });
        let request = wire::CreateSandboxRequest { sandbox, request_id: client::request_id()? };
        let forked = Self::from_creation(self.client(), Creation::Specified(Box::new(request)));
        forked.wait(None).await?;
        Ok(forked)
    }

    /// Ids of the snapshots that were taken when it was stopped.
    pub fn snapshot_ids(&self) -> Vec<String> {
        self.inner.snapshots.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Snapshot {
    /// The snapshot with this id.
    ///
    /// # Errors
    /// Snapshot not found; as any call.
    pub async fn get(client: &Client, id: &str) -> Result<Self, Error> {
        check(id)?;
        let request = wire::GetFileSystemSnapshotRequest { file_system_snapshot_id: id.to_owned() };
        client.get_snapshot(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// Every snapshot, of one sandbox if one is named, the oldest first.
    ///
    /// # Errors
    /// As any call.
    pub async fn list(client: &Client, source_sandbox_id: Option<&str>) -> Result<Vec<Self>, Error> {
        let (mut found, mut seen, mut page_token) = (Vec::new(), BTreeSet::new(), String::new());
        loop {
            let source_sandbox_id = source_sandbox_id.unwrap_or_default().to_owned();
            let request = wire::ListFileSystemSnapshotsRequest { page_size: 0, page_token, source_sandbox_id };
            let page = client.list_snapshots(request, &CallOptions::default()).await?;
            found.extend(page.file_system_snapshots.into_iter().map(Self::from_wire));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            if !seen.insert(page_token.clone()) {
                return Err(Error::new(ErrorKind::Protocol, "the server repeats a page of snapshots"));
            }
        }
        // Servers may leave the filter to their clients.
        found.retain(|snapshot| source_sandbox_id.is_none_or(|source| snapshot.source_sandbox_id == source));
        Ok(found)
    }

    /// Deletes a snapshot; sandboxes that were restored from it keep what they have. With `missing_ok` an unknown one is
    /// fine.
    ///
    /// # Errors
    /// Snapshot not found; as any call.
    pub async fn delete(client: &Client, id: &str, missing_ok: bool) -> Result<(), Error> {
        check(id)?;
        let file_system_snapshot_id = id.to_owned();
        let request = wire::DeleteFileSystemSnapshotRequest { file_system_snapshot_id, allow_missing: missing_ok };
        match client.delete_snapshot(request, &CallOptions::default()).await {
            Err(error) if missing_ok && error.kind() == ErrorKind::SnapshotNotFound => Ok(()),
            deleted => deleted.map(drop),
        }
    }

    fn from_wire(snapshot: wire::FileSystemSnapshot) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let status = match snapshot.state() {
            wire::SnapshotState::Creating => SnapshotStatus::Creating,
            wire::SnapshotState::Ready => SnapshotStatus::Ready,
            wire::SnapshotState::Failed => SnapshotStatus::Failed,
            wire::SnapshotState::Deleting => SnapshotStatus::Deleting,
            wire::SnapshotState::Unspecified => SnapshotStatus::Unspecified,
        };
        let trigger = match snapshot.trigger() {
            wire::SnapshotTrigger::Manual => SnapshotTrigger::Manual,
            wire::SnapshotTrigger::OnDelete => SnapshotTrigger::OnDelete,
            wire::SnapshotTrigger::Unspecified => SnapshotTrigger::Unspecified,
        };
        Self {
            id: snapshot.file_system_snapshot_id,
            status,
            status_reason: given(snapshot.state_reason),
            size_bytes: u64::try_from(snapshot.size_bytes).unwrap_or_default(),
            source_sandbox_id: snapshot.source_sandbox_id,
            source_volume: snapshot.source_volume_name,
            trigger,
            bucket: given(snapshot.object_bucket),
            created_at: snapshot.create_time.and_then(time),
            completed_at: snapshot.complete_time.and_then(time),
        }
    }
}

fn check(id: &str) -> Result<(), Error> {
    match id.is_empty() || id.contains('\0') {
        true => Err(Error::invalid("snapshotId", "must be the id of a snapshot")),
        false => Ok(()),
    }
}
