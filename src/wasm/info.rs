//! What is known about a sandbox, as a plain object.

use std::time::{SystemTime, UNIX_EPOCH};

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;

use crate::sandbox::{ResourceAmounts, SandboxInfo};

/// The object; what is not known is undefined.
pub(super) fn plain(info: &SandboxInfo) -> JsValue {
    let tags: Array = info.tags.iter().map(|tag| JsValue::from_str(tag)).collect();
    object(&[
        ("sandboxId", text(Some(info.id.as_str()).filter(|id| !id.is_empty()))),
        ("status", JsValue::from_str(info.status.name())),
        ("statusReason", text(info.status_reason.as_deref())),
        ("exitCode", number(info.exit_code.map(f64::from))),
        ("displayName", text(info.display_name.as_deref())),
        ("createdAtMs", number(info.created_at.map(millis))),
        ("startedAtMs", number(info.started_at.map(millis))),
        ("endedAtMs", number(info.ended_at.map(millis))),
        ("image", text(info.image.as_deref())),
        ("tags", tags.into()),
        ("annotations", strings(info.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str())))),
        ("runnerId", text(info.runner_id.as_deref())),
        ("runnerGroupId", text(info.runner_group_id.as_deref())),
        ("runtimeClass", text(info.runtime_class.as_deref())),
        ("resourceRequests", amounts(&info.resource_requests)),
        ("resourceLimits", amounts(&info.resource_limits)),
    ])
}

fn amounts(amounts: &ResourceAmounts) -> JsValue {
    object(&[("cpu", text(amounts.cpu.as_deref())), ("memory", text(amounts.memory.as_deref()))])
}

fn text(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::UNDEFINED, JsValue::from_str)
}

fn number(value: Option<f64>) -> JsValue {
    value.map_or(JsValue::UNDEFINED, JsValue::from_f64)
}

fn strings<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> JsValue {
    let made = Object::new();
    for (name, value) in pairs {
        set(&made, name, &JsValue::from_str(value));
    }
    made.into()
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let made = Object::new();
    for (name, value) in fields {
        set(&made, name, value);
    }
    made.into()
}

fn set(object: &Object, name: &str, value: &JsValue) {
    // Setting a field of a plain object of ours cannot fail.
    let _ = Reflect::set(object, &JsValue::from_str(name), value);
}

fn millis(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64() * 1000.0,
        Err(before) => -before.duration().as_secs_f64() * 1000.0,
    }
}
