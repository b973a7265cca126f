//! Templates, secret stores, runners and purging, as `catalog.js` sees them: calls of `CoreClient` that answer with plain
//! values.

use std::{
    collections::BTreeMap,
    future::Future,
    time::{SystemTime, UNIX_EPOCH},
};

use js_sys::Promise;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{Answer, abort::promise, client::CoreClient, options::run_options, reader::Reader};
use crate::{
    catalog::{Runner, RunnerCapacity, RunnerFilter, SecretStore, SecretStoreOptions, Template, TemplateChanges},
    client::Client,
    error::{Error, ErrorKind},
    sandbox::Sandbox,
};

pub(super) const CALL: &[&str] = &["timeoutMs", "signal"];
const PURGE: &[&str] = &["tags", "dryRun", "timeoutMs", "signal"];
const RUNNERS: &[&str] =
    &["groupId", "gpuType", "architecture", "healthyOnly", "includeResources", "timeoutMs", "signal"];
const SECRET_STORE: &[&str] = &["wandbTeam", "wandbApiUrl", "timeoutMs", "signal"];

#[wasm_bindgen]
impl CoreClient {
    /// `Promise<template>`: stores one.
    #[wasm_bindgen(js_name = createTemplate)]
    pub fn create_template(&self, command: &JsValue, options: &JsValue, call: &JsValue) -> Answer<Promise> {
        let options = run_options(command, options)?;
        answer(&Reader::new("SandboxTemplate.create", call, CALL)?, self.client(), |client| async move {
            Ok(PlainTemplate::from(Template::create(&client, options).await?))
        })
    }

    /// `Promise<template>`
    #[wasm_bindgen(js_name = getTemplate)]
    pub fn get_template(&self, id: String, show_deleted: bool, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("SandboxTemplate.get", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainTemplate::from(Template::get(&client, &id, show_deleted).await?))
        })
    }

    /// `Promise<template[]>`
    #[wasm_bindgen(js_name = listTemplates)]
    pub fn list_templates(&self, show_deleted: bool, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("SandboxTemplate.list", call, CALL)?, self.client(), move |client| async move {
            let found = Template::list(&client, show_deleted).await?;
            Ok(found.into_iter().map(PlainTemplate::from).collect::<Vec<_>>())
        })
    }

    /// `Promise<template>`: changes what is given.
    #[wasm_bindgen(js_name = updateTemplate)]
    pub fn update_template(
        &self,
        id: String,
        display_name: Option<String>,
        command: &JsValue,
        sandbox: &JsValue,
        call: &JsValue,
    ) -> Answer<Promise> {
        let sandbox = (!sandbox.is_undefined()).then(|| run_options(command, sandbox)).transpose()?;
        let changes = TemplateChanges { display_name, sandbox };
        answer(&Reader::new("SandboxTemplate.update", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainTemplate::from(Template::update(&client, &id, changes).await?))
        })
    }

    /// `Promise<void>`
    #[wasm_bindgen(js_name = deleteTemplate)]
    pub fn delete_template(&self, id: String, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("SandboxTemplate.delete", call, CALL)?, self.client(), move |client| async move {
            Template::delete(&client, &id).await
        })
    }

    /// `Promise<store>`: registers one.
    #[wasm_bindgen(js_name = createSecretStore)]
    pub fn create_secret_store(&self, name: String, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("SecretStore.create", options, SECRET_STORE)?;
        let (wandb_team, wandb_api_url) = (reader.string("wandbTeam")?, reader.string("wandbApiUrl")?);
        let made = SecretStoreOptions { wandb_team, wandb_api_url };
        answer(&reader, self.client(), move |client| async move {
            Ok(PlainStore::from(SecretStore::create(&client, &name, made).await?))
        })
    }

    /// `Promise<store>`
    #[wasm_bindgen(js_name = getSecretStore)]
    pub fn get_secret_store(&self, name: String, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("SecretStore.get", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainStore::from(SecretStore::get(&client, &name).await?))
        })
    }

    /// `Promise<store[]>`
    #[wasm_bindgen(js_name = listSecretStores)]
    pub fn list_secret_stores(&self, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("SecretStore.list", call, CALL)?, self.client(), |client| async move {
            Ok(SecretStore::list(&client).await?.into_iter().map(PlainStore::from).collect::<Vec<_>>())
        })
    }

    /// `Promise<void>`
    #[wasm_bindgen(js_name = deleteSecretStore)]
    pub fn delete_secret_store(&self, name: String, missing_ok: bool, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("SecretStore.delete", call, CALL)?, self.client(), move |client| async move {
            SecretStore::delete(&client, &name, missing_ok).await
        })
    }

    /// `Promise<runner[]>`
    #[wasm_bindgen(js_name = listRunners)]
    pub fn list_runners(&self, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("listRunners", options, RUNNERS)?;
        let filter = RunnerFilter {
            group_id: reader.string("groupId")?,
            gpu_type: reader.string("gpuType")?,
            architecture: reader.string("architecture")?,
            healthy_only: reader.bool("healthyOnly")?.unwrap_or(false),
            include_resources: reader.bool("includeResources")?.unwrap_or(false),
        };
        answer(&reader, self.client(), |client| async move {
            Ok(Runner::list(&client, filter).await?.into_iter().map(PlainRunner::from).collect::<Vec<_>>())
        })
    }

    /// `Promise<runner>`
    #[wasm_bindgen(js_name = getRunner)]
    pub fn get_runner(&self, id: String, call: &JsValue) -> Answer<Promise> {
        answer(&Reader::new("getRunner", call, CALL)?, self.client(), move |client| async move {
            Ok(PlainRunner::from(Runner::get(&client, &id).await?))
        })
    }

    /// `Promise<{ count, failed, retryable }>`
    pub fn purge(&self, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("Sandbox.purge", options, PURGE)?;
        let tags = reader.strings("tags")?.unwrap_or_default();
        let dry_run = reader.bool("dryRun")?.unwrap_or(false);
        answer(&reader, self.client(), move |client| async move {
            let report = Sandbox::purge(&client, tags, dry_run).await?;
            Ok(PlainPurge { count: report.count, failed: report.failed, retryable: report.retryable })
        })
    }
}

/// A call under the reader's `timeoutMs` and `signal`, with a plain value for an answer.
pub(super) fn answer<T, Answering>(
    reader: &Reader,
    client: Client,
    act: impl FnOnce(Client) -> Answering,
) -> Answer<Promise>
where
    T: Serialize,
    Answering: Future<Output = Result<T, Error>> + 'static,
{
    let limit = reader.millis("timeoutMs")?;
    let answering = act(client);
    Ok(promise(reader.raw("signal"), limit, async move { plain(&answering.await?) }))
}

pub(super) fn plain(value: &impl Serialize) -> Result<JsValue, Error> {
    let serializer = Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|error| Error::new(ErrorKind::Protocol, error.to_string()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainTemplate {
    template_id: String,
    display_name: Option<String>,
    image: Option<String>,
    command: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: Option<String>,
    tags: Vec<String>,
    annotations: BTreeMap<String, String>,
    max_lifetime_seconds: Option<u32>,
    containers: Vec<String>,
    revision: f64,
    created_at_ms: Option<f64>,
    updated_at_ms: Option<f64>,
    deleted_at_ms: Option<f64>,
    requires_cks: bool,
}

impl From<Template> for PlainTemplate {
    fn from(template: Template) -> Self {
        let spec = template.spec;
        Self {
            template_id: template.id,
            display_name: template.display_name,
            image: spec.image,
            command: spec.command,
            env: spec.env,
            cwd: spec.cwd,
            tags: spec.tags,
            annotations: spec.annotations,
            max_lifetime_seconds: spec.max_lifetime_seconds,
            containers: spec.containers,
            revision: template.revision as f64,
            created_at_ms: millis(template.created_at),
            updated_at_ms: millis(template.updated_at),
            deleted_at_ms: millis(template.deleted_at),
            requires_cks: template.requires_cks,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainStore {
    name: String,
    wandb_team: Option<String>,
    wandb_api_url: Option<String>,
    created_at_ms: Option<f64>,
    updated_at_ms: Option<f64>,
}

impl From<SecretStore> for PlainStore {
    fn from(store: SecretStore) -> Self {
        Self {
            name: store.name,
            wandb_team: store.wandb_team,
            wandb_api_url: store.wandb_api_url,
            created_at_ms: millis(store.created_at),
            updated_at_ms: millis(store.updated_at),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainRunner {
    runner_id: String,
    group_id: Option<String>,
    tags: Vec<String>,
    healthy: bool,
    shared: bool,
    connected_at_ms: Option<f64>,
    capacity: PlainCapacity,
    available: Option<PlainCapacity>,
    running_sandboxes: Option<u32>,
    gpu_types: Vec<String>,
    architectures: Vec<String>,
    supports_privileged: bool,
    storage_classes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainCapacity {
    cpu_millicores: f64,
    memory_bytes: f64,
    gpu_count: f64,
}

impl From<RunnerCapacity> for PlainCapacity {
    fn from(capacity: RunnerCapacity) -> Self {
        // Numbers of JavaScript are exact up to 2^53, which is 8 PiB of memory.
        Self {
            cpu_millicores: capacity.cpu_millicores as f64,
            memory_bytes: capacity.memory_bytes as f64,
            gpu_count: capacity.gpu_count as f64,
        }
    }
}

impl From<Runner> for PlainRunner {
    fn from(runner: Runner) -> Self {
        Self {
            runner_id: runner.id,
            group_id: runner.group_id,
            tags: runner.tags,
            healthy: runner.healthy,
            shared: runner.shared,
            connected_at_ms: millis(runner.connected_at),
            capacity: runner.capacity.into(),
            available: runner.available.map(Into::into),
            running_sandboxes: runner.running_sandboxes,
            gpu_types: runner.gpu_types,
            architectures: runner.architectures,
            supports_privileged: runner.supports_privileged,
            storage_classes: runner.storage_classes,
        }
    }
}

#[derive(Serialize)]
struct PlainPurge {
    count: u32,
    failed: Vec<String>,
    retryable: Vec<String>,
}

pub(super) fn millis(time: Option<SystemTime>) -> Option<f64> {
    Some(time?.duration_since(UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0)
}
