//! Snapshots and volumes, as `storage.js` and `sandbox.js` see them.

use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{
    Answer,
    abort::promise,
    catalog::{CALL, answer, millis, plain},
    client::CoreClient,
    error::js_error,
    reader::Reader,
    sandbox::CoreSandbox,
};
use crate::{
    catalog::{Volume, VolumeChanges, VolumeSpec},
    error::Error,
    sandbox::{Snapshot, SnapshotOptions, VolumeMedium, VolumeOptions},
};

const VOLUMES: &[&str] = &["mountPath", "name", "volumeId", "size", "medium", "snapshotId", "readOnly", "subPath"];
const VOLUME: &[&str] = &["namespace", "subPath", "runnerId", "readOnly", "description", "timeoutMs", "signal"];
const CHANGES: &[&str] = &["readOnly", "description"];

#[wasm_bindgen]
impl CoreSandbox {
    /// `Promise<snapshot>`: takes one of a scratch volume.
    pub fn snapshot(&self, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("snapshot", options, &["volume", "timeoutMs", "signal"])?;
        let mut made = SnapshotOptions::default();
        (made.volume, made.timeout) = (reader.string("volume")?, reader.millis("timeoutMs")?);
        let sandbox = self.sandbox().clone();
        Ok(promise(
            reader.raw("signal"),
            None,
            async move { plain(&PlainSnapshot::from(sandbox.snapshot(made).await?)) },
        ))
    }

    /// `Promise<CoreSandbox>`: another one that begins where this one is.
    pub fn fork(&self, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("fork", options, CALL)?;
        let limit = reader.millis("timeoutMs")?;
        let sandbox = self.sandbox().clone();
        Ok(promise(reader.raw("signal"), limit, async move { Ok(CoreSandbox::from(sandbox.fork().await?).into()) }))
    }

    /// Ids of the snapshots that its stop took.
    #[wasm_bindgen(js_name = snapshotIds)]
    pub fn snapshot_ids(&self) -> Vec<String> {
        self.sandbox().snapshot_ids()
    }
}

#[wasm_bindgen]
impl CoreClient {
    /// `Promise<snapshot>`
    #[wasm_bindgen(js_name = getSnapshot)]
    pub fn get_snapshot(&self, id: String, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("Snapshot.get", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainSnapshot::from(Snapshot::get(&client, &id).await?))
        })
    }

    /// `Promise<snapshot[]>`
    #[wasm_bindgen(js_name = listSnapshots)]
    pub fn list_snapshots(&self, sandbox_id: Option<String>, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("Snapshot.list", call, CALL)?, self.client(), move |client| async move {
            let found = Snapshot::list(&client, sandbox_id.as_deref()).await?;
            Ok(found.into_iter().map(PlainSnapshot::from).collect::<Vec<_>>())
        })
    }

    /// `Promise<void>`
    #[wasm_bindgen(js_name = deleteSnapshot)]
    pub fn delete_snapshot(&self, id: String, missing_ok: bool, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("Snapshot.delete", call, CALL)?, self.client(), move |client| async move {
            Snapshot::delete(&client, &id, missing_ok).await
        })
    }

    /// `Promise<volume>`: registers one.
    #[wasm_bindgen(js_name = createVolume)]
    pub fn create_volume(&self, claim: String, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("Volume.create", options, VOLUME)?;
        let mut spec = VolumeSpec::claim(claim);
        spec.namespace = reader.string("namespace")?;
        spec.sub_path = reader.string("subPath")?;
        spec.runner_id = reader.string("runnerId")?;
        spec.read_only = reader.bool("readOnly")?.unwrap_or(false);
        spec.description = reader.string("description")?;
        answer(
            &reader,
            self.client(),
            |client| async move { Ok(PlainVolume::from(Volume::create(&client, spec).await?)) },
        )
    }

    /// `Promise<volume>`
    #[wasm_bindgen(js_name = getVolume)]
    pub fn get_volume(&self, id: String, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("Volume.get", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainVolume::from(Volume::get(&client, &id).await?))
        })
    }

    /// `Promise<volume[]>`
    #[wasm_bindgen(js_name = listVolumes)]
    pub fn list_volumes(&self, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("Volume.list", call, CALL)?, self.client(), |client| async move {
            Ok(Volume::list(&client).await?.into_iter().map(PlainVolume::from).collect::<Vec<_>>())
        })
    }

    /// `Promise<volume>`: changes what is given.
    #[wasm_bindgen(js_name = updateVolume)]
    pub fn update_volume(&self, id: String, changes: &JsValue, call: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("Volume.update", changes, CHANGES)?;
        let changes = VolumeChanges { read_only: reader.bool("readOnly")?, description: reader.string("description")? };
        answer(&Reader::new("Volume.update", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainVolume::from(Volume::update(&client, &id, changes).await?))
        })
    }

    /// `Promise<void>`
    #[wasm_bindgen(js_name = deleteVolume)]
    pub fn delete_volume(&self, id: String, missing_ok: bool, force: bool, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("Volume.delete", call, CALL)?, self.client(), move |client| async move {
            Volume::delete(&client, &id, missing_ok, force).await
        })
    }

    /// `Promise<volume>`
    #[wasm_bindgen(js_name = validateVolume)]
    pub fn validate_volume(&self, id: String, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("Volume.validate", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainVolume::from(Volume::validate(&client, &id).await?))
        })
    }
}

/// `[{ mountPath, name?, … }]`
pub(super) fn volumes(reader: &Reader) -> Answer<Vec<VolumeOptions>> {
    reader.list("volumes", "an array of { mountPath, … }", |it| {
        let it = Reader::new("volumes", it, VOLUMES)?;
        let mut made = VolumeOptions::scratch(it.string("mountPath")?.unwrap_or_default());
        made.name = it.string("name")?;
        made.volume_id = it.string("volumeId")?;
        made.size = it.string("size")?;
        made.snapshot_id = it.string("snapshotId")?;
        made.read_only = it.bool("readOnly")?.unwrap_or(false);
        made.sub_path = it.string("subPath")?;
        made.medium = match it.string("medium")?.as_deref() {
            None => None,
            Some("disk") => Some(VolumeMedium::Disk),
            Some("memory") => Some(VolumeMedium::Memory),
            Some(other) => {
                let text = format!("must be \"disk\" or \"memory\", got {other:?}");
                return Err(js_error(Error::invalid("volumes.medium", text)));
            }
        };
        Ok(made)
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainSnapshot {
    snapshot_id: String,
    status: &'static str,
    status_reason: Option<String>,
    size_bytes: f64,
    source_sandbox_id: String,
    source_volume: String,
    trigger: &'static str,
    bucket: Option<String>,
    created_at_ms: Option<f64>,
    completed_at_ms: Option<f64>,
}

impl From<Snapshot> for PlainSnapshot {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            snapshot_id: snapshot.id,
            status: snapshot.status.name(),
            status_reason: snapshot.status_reason,
            size_bytes: snapshot.size_bytes as f64,
            source_sandbox_id: snapshot.source_sandbox_id,
            source_volume: snapshot.source_volume,
            trigger: snapshot.trigger.name(),
            bucket: snapshot.bucket,
            created_at_ms: millis(snapshot.created_at),
            completed_at_ms: millis(snapshot.completed_at),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainVolume {
    volume_id: String,
    claim: String,
    namespace: Option<String>,
    sub_path: Option<String>,
    runner_id: Option<String>,
    read_only: bool,
    description: Option<String>,
    status: &'static str,
    status_reason: Option<String>,
    attached_sandboxes: u32,
    created_at_ms: Option<f64>,
    updated_at_ms: Option<f64>,
}

impl From<Volume> for PlainVolume {
    fn from(volume: Volume) -> Self {
        Self {
            volume_id: volume.id,
            claim: volume.claim,
            namespace: volume.namespace,
            sub_path: volume.sub_path,
            runner_id: volume.runner_id,
            read_only: volume.read_only,
            description: volume.description,
            status: volume.status.name(),
            status_reason: volume.status_reason,
            attached_sandboxes: volume.attached_sandboxes,
            created_at_ms: millis(volume.created_at),
            updated_at_ms: millis(volume.updated_at),
        }
    }
}
