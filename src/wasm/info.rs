//! What is known about a sandbox, as a plain object.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use super::{Answer, error::type_error, network::PlainService};
use crate::sandbox::{ResourceAmounts, SandboxInfo, ShareToken};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plain<'a> {
    sandbox_id: Option<&'a str>,
    status: &'a str,
    status_updated_at_ms: Option<f64>,
    status_reason: Option<&'a str>,
    exit_code: Option<i32>,
    display_name: Option<&'a str>,
    created_at_ms: Option<f64>,
    started_at_ms: Option<f64>,
    ended_at_ms: Option<f64>,
    image: Option<&'a str>,
    tags: &'a [String],
    annotations: &'a BTreeMap<String, String>,
    runner_id: Option<&'a str>,
    runner_group_id: Option<&'a str>,
    runtime_class: Option<&'a str>,
    volume_ids: &'a [String],
    resource_requests: Amounts<'a>,
    resource_limits: Amounts<'a>,
    services: Vec<PlainService<'a>>,
    share_token: Option<&'a str>,
}

#[derive(Serialize)]
struct Amounts<'a> {
    cpu: Option<&'a str>,
    memory: Option<&'a str>,
}

/// The object; what is not known is undefined.
pub(super) fn plain(info: &SandboxInfo) -> Answer<JsValue> {
    let plain = Plain {
        sandbox_id: Some(info.id.as_str()).filter(|id| !id.is_empty()),
        status: info.status.name(),
        status_updated_at_ms: info.status_updated_at.map(millis),
        status_reason: info.status_reason.as_deref(),
        exit_code: info.exit_code,
        display_name: info.display_name.as_deref(),
        created_at_ms: info.created_at.map(millis),
        started_at_ms: info.started_at.map(millis),
        ended_at_ms: info.ended_at.map(millis),
        image: info.image.as_deref(),
        tags: &info.tags,
        annotations: &info.annotations,
        runner_id: info.runner_id.as_deref(),
        runner_group_id: info.runner_group_id.as_deref(),
        runtime_class: info.runtime_class.as_deref(),
        volume_ids: &info.volume_ids,
        resource_requests: amounts(&info.resource_requests),
        resource_limits: amounts(&info.resource_limits),
        services: info.services.iter().map(PlainService::from).collect(),
        share_token: info.share_token.as_ref().map(ShareToken::secret),
    };
    let serializer = Serializer::new().serialize_maps_as_objects(true);
    plain.serialize(&serializer).map_err(|error| type_error(&error.to_string()))
}

fn amounts(amounts: &ResourceAmounts) -> Amounts<'_> {
    Amounts { cpu: amounts.cpu.as_deref(), memory: amounts.memory.as_deref() }
}

pub(super) fn millis(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64() * 1000.0,
        Err(before) => -before.duration().as_secs_f64() * 1000.0,
    }
}
